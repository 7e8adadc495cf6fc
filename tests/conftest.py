"""What all tests share."""

import signal


def pytest_configure() -> None:
    """What tests start gets its HUP and INT, also where pytest itself runs under nohup or `&`."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
