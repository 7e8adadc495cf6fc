"""What all tests share."""

import signal


def pytest_configure() -> None:
    """Jobs and supervisors of tests get their HUP, also where pytest itself runs under nohup."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
