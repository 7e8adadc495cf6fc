"""One job from its claim to the end of the claim; and how it is stopped from outside."""

from wmctl.errors import SpoolError
from wmctl.runner.stop import Stop
from wmctl.spool import Claim
from wmctl.worker.account import Account
from wmctl.worker.clock import boottime
from wmctl.worker.committer import Committer
from wmctl.worker.ending import Ending
from wmctl.worker.execute import Executor, Ran
from wmctl.worker.guard import Guard
from wmctl.worker.heart import Heart

#: Seconds that a job which killed workers before waits for the ends of others.
_SETTLE = 1.0


class Bout:
    """Runs one worker's claims, one at a time."""

    def __init__(
        self,
        executor: Executor,
        ending: Ending,
        committer: Committer,
        heart: Heart,
        guard: Guard,
        account: Account,
    ) -> None:
        self._executor = executor
        self._ending = ending
        self._committer = committer
        self._heart = heart
        self._guard = guard
        self._account = account
        self._stop = Stop()
        self._why: str | None = None

    def stop(self, why: str) -> None:
        """Stop the job that runs, and each that is started from now on, and give it back."""
        self._why = why
        self._stop.request(why)

    def run(self, claim: Claim, state: str) -> Ran | None:
        """Run it, in a state that the beat tells, and end its claim; None: it was given back.

        SpoolError, and it was given back, if this machine could not start it.
        """
        started, self._stop = boottime(), Stop()
        if claim.answer is not None:
            self._executor.note_answer(claim)
            self._ending.answer(claim)
            return None
        if claim.name.lost:  # it may kill this worker too, which others' ends must not pay for
            self._committer.settle(_SETTLE)
        if self._why is not None:
            self._stop.request(self._why)
        self._account.begin(claim, state)
        self._heart.watch(claim, self._stop)
        try:
            ran = self._executor.run(claim, self._stop)
        except (SpoolError, OSError) as error:
            self._ending.give_back(claim, lost=False)  # not its fault, and it has not run
            raise SpoolError(f"job {claim.id} cannot run here now: {error}") from error
        finally:
            self._heart.unwatch()
            self._account.end("init" if state == "init" else "idle")
        given_back = ran.killed in {"lost", "stopped"} or self._guard.stopped_since(started)
        self._ending.conclude(claim, ran, started)
        return None if given_back else ran
