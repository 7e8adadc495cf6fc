"""The laboratory, once for all tests of this folder, which run in a row."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .lab import MOUNTS, Lab, missing
from .site import Site

HERE = Path(__file__).parent
_LACK = pytest.StashKey[str]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The hosts are up while they are needed, and no longer."""
    items.sort(key=lambda item: HERE in item.path.parents)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """All of them are left out for one reason, in one line."""
    lack = missing()
    if lack:
        item.config.stash[_LACK] = lack
        pytest.skip(f"no NFS laboratory: {lack}")


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Lab]:
    with Lab.up(clients=3) as lab:
        yield lab


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """One loud line where nothing here was tested."""
    lack = config.stash.get(_LACK, None)
    if lack:
        terminalreporter.write_line(
            f"NOTHING WAS TESTED OVER NFS: {lack}; as root, run: .ci/packages", red=True, bold=True
        )


@pytest.fixture
def lab(laboratory: Lab) -> Iterator[Lab]:
    """The laboratory in order; afterwards in order again."""
    yield laboratory
    laboratory.recover()


@pytest.fixture
def site(lab: Lab, request: pytest.FixtureRequest) -> Callable[[str], Site]:
    """Makes a spool for a protocol."""

    def make(protocol: str, label: str = "") -> Site:
        test = request.node.originalname
        return Site(lab, f"{test}-{protocol}{label}", protocol)

    return make


@pytest.fixture
def sites(site: Callable[[str], Site]) -> list[Site]:
    """A spool for each protocol."""
    return [site(protocol) for protocol in MOUNTS]
