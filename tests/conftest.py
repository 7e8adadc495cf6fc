"""What all tests share."""

import signal
from pathlib import Path

import pytest

NFS = Path(__file__).parent / "nfs"


def pytest_configure() -> None:
    """Jobs and supervisors of tests get their HUP, also where pytest itself runs under nohup."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Two processes at the most: the hosts of the NFS laboratory wait much of the time.

    All other tests stay in one, so that none finds another's processes on its way.
    """
    if config.getoption("dist", "no") == "loadgroup":
        for item in items:
            group = "nfs" if NFS in item.path.parents else "this machine"
            item.add_marker(pytest.mark.xdist_group(group))
