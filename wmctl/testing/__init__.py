"""For the tests of plugins: `RunnerContract` to subclass, `run_job` to run one job."""

try:
    import pytest
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "wmctl.testing needs pytest; install it with: pip install pytest", name="pytest"
    ) from None

# Before the import: so that its assertions show the values when they fail.
pytest.register_assert_rewrite("wmctl.testing.runner_contract")

from wmctl.testing.inline import Ran, run_job  # noqa: E402 - see above
from wmctl.testing.runner_contract import RunnerContract  # noqa: E402 - see above

__all__ = ["Ran", "RunnerContract", "run_job"]
