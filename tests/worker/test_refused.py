"""A spool that takes nobody: said in one line, and with `once` not tried for ever."""

import logging

import pytest

from wmctl.worker.guard import Guard
from wmctl.worker.supervisor import Supervisor
from wmctl.worker.worker import RESTART, Worker


class Full(Worker):
    """Its spool is full."""

    def run(self) -> int:
        from wmctl.errors import SpoolBusy

        raise SpoolBusy("cannot join the spool: No space left on device", hint="free space")


@pytest.mark.timeout(20)
def test_a_worker_that_cannot_start_says_so_and_is_not_tried_again(bench, capfd, caplog):
    handler = logging.StreamHandler()
    logging.getLogger("wmctl").addHandler(handler)
    try:
        supervisor = Supervisor(
            lambda guard: Full(bench.spool, bench.options(), guard), 2, 60.0, once=True
        )
        assert supervisor.run() == RESTART
    finally:
        logging.getLogger("wmctl").removeHandler(handler)
    said = capfd.readouterr().err
    assert said.count("cannot join the spool: No space left on device; free space") == 2
    assert "Traceback" not in said


def test_names_of_others_do_not_write_the_log(bench, caplog):
    """A job's name may hold escape sequences and line feeds."""
    caplog.set_level(logging.INFO, "wmctl")
    bench.submit("true", name="evil\x1b[31m\nINFO forged")
    worker = Worker(bench.spool, bench.options(burst=True), Guard(60.0))
    assert worker.run() == 0
    told = [record.getMessage() for record in caplog.records if "success" in record.getMessage()]
    assert told
    assert not any("\x1b" in line or "\n" in line for line in told)
