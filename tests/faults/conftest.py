"""What a scenario needs and this machine lacks: left out, and loudly."""

from collections.abc import Callable

import pytest

from tests.faults.catalogue import BY_NAME
from tests.faults.scenario import Scenario

_LACKS = pytest.StashKey[dict[str, list[str]]]()


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Callable[[str], Scenario]:
    """A scenario by its name; the test is skipped where it cannot be told."""

    def find(name: str) -> Scenario:
        scenario = BY_NAME[name]
        lacks = scenario.lacks()
        if lacks:
            request.config.stash.setdefault(_LACKS, {})[name] = lacks
            pytest.skip(f"{name} needs {', '.join(lacks)}")
        return scenario

    return find


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """One loud line where faults were left out."""
    lacks = config.stash.get(_LACKS, {})
    if lacks:
        some = ", ".join(sorted({each for missing in lacks.values() for each in missing}))
        terminalreporter.write_line(
            f"FAULTS NOT TESTED: {', '.join(lacks)}; missing: {some}; as root, run: .ci/packages",
            red=True, bold=True,
        )  # fmt: skip
