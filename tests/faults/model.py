"""The spool against a dict: the state machine of `tests/spool`, many times over (G14)."""

from hypothesis import Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.scenario import Ground, Scenario, Tally
from tests.spool.test_machine import SpoolMachine, TestSpool
from wmctl.errors import WmctlError
from wmctl.spool import Name
from wmctl.testing.faults import Crash

STEPS = 50


def sequences(ground: Ground, count: int) -> Tally:
    """So many sequences of 50 verbs; a fault is a process that died inside a verb."""
    tally = Tally()

    class Counted(SpoolMachine):
        def survived(self, action):  # type: ignore[no-untyped-def]
            try:
                action()
            except Crash:
                tally.faults += 1
                raise

        def teardown(self) -> None:
            tally.jobs += len(self.highest)
            super().teardown()

        def _doomed(self, *args):  # type: ignore[no-untyped-def]
            action = super()._doomed(*args)
            return None if action is None else lambda: self.survived(action)

    chosen = settings(
        TestSpool.settings, max_examples=count, stateful_step_count=STEPS, database=None,
        phases=[Phase.generate], verbosity=Verbosity.quiet,
    )  # fmt: skip
    if ground.without:
        real = Name.claimed
        Name.claimed = lambda self: self  # type: ignore[method-assign]
        ground.later(lambda: setattr(Name, "claimed", real))
    try:
        run_state_machine_as_test(seed(ground.seed)(Counted), settings=chosen)
    except (AssertionError, WmctlError, BaseExceptionGroup) as wrong:
        tally.problems.append(f"the spool is not as the model says: {wrong!r}"[:300])
    tally.note = f"{count} sequences of {STEPS} verbs"
    return tally


SCENARIOS = [
    Scenario(
        "G14", "model", "the spool against a model, processes dying inside verbs", sequences,
        short=12, long=1000, control="fence-number", control_size=60,
    ),
]  # fmt: skip
