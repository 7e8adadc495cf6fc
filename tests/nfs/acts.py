"""A job whose attempts can be watched from outside NFS, on the disks of the hosts that run them.

Each attempt notes its process in `/tmp/started-MARK-ATTEMPT`. The first goes on until there is
`/tmp/go-MARK`, or for ever; the others end at once, with their number as the result.
"""

import time

from .site import Site, eventually

_CODE = """
echo $$ > /tmp/started-{mark}-$WM_ATTEMPT
while [ $WM_ATTEMPT = 1 ] && [ ! -e /tmp/go-{mark} ]; do sleep 0.2; done
echo $WM_ATTEMPT
"""
_PID = """
import os, sys
print((open(sys.argv[1]).read() or 0) if os.path.exists(sys.argv[1]) else 0)
"""
_THERE = """
import json, os, sys
print(json.dumps(os.path.exists(sys.argv[1])))
"""


class Act:
    """One such job, to be claimed first by a worker on `host`."""

    def __init__(self, site: Site, label: str, host: str) -> None:
        self.site = site
        self.host = host
        self._mark = f"{site.name}-{label}"
        self.job = site.bash("srv", _CODE.format(mark=self._mark))

    def started(self, host: str, attempt: int) -> int:
        """The process of an attempt on a host; 0 if it has not started there."""
        return self.site.on(host, _PID, f"/tmp/started-{self._mark}-{attempt}")

    def await_start(self, host: str, attempt: int) -> float:
        """When it was seen to have started."""
        eventually(lambda: self.started(host, attempt), self.site.patience)
        return time.monotonic()

    def still_runs(self) -> bool:
        """Whether the first attempt's process is there."""
        pid = self.started(self.host, 1)
        return self.site.on(self.host, _THERE, f"/proc/{pid}")

    def let_go(self) -> None:
        """The first attempt ends, and well."""
        self.site.lab.exec(self.host, ["touch", f"/tmp/go-{self._mark}"]).ok()

    def result(self) -> str:
        """What any host is told that the job returned."""
        return self.site.wmctl("c2", "result", self.job).ok().out.strip()
