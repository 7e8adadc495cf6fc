"""The laboratory: a file server, its clients, and everything that can go wrong between them.

    with Lab.up(clients=2) as lab:
        lab.exec("c1", ["touch", "/mnt/v4/x"]).ok()

Needs root and the packages that `.ci/packages` installs; `missing` says what is not there.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .channel import Result, Running
from .guest import EXPORT, PORT, PRIVATE
from .machine import KERNEL, Machine
from .network import Network

ROOT = Path(__file__).parents[2]
#: Where every client sees the exported folder, by protocol; and where it is on the server.
MOUNTS = {"v4.2": "/mnt/v4", "v3": "/mnt/v3"}
SERVED = f"{EXPORT}/spool"
DEFAULT_EXPORT = "rw,sync,no_root_squash,no_subtree_check,fsid=0"
_OPTIONS = {"v4.2": ("vers=4.2", "/spool"), "v3": ("vers=3", SERVED)}
_TOOLS = (KERNEL, "nft", "ip", "nsenter", "setpriv", "unshare", "mkfs.ext4", "exportfs", "rpcbind")


def missing() -> str | None:
    """Why there can be no laboratory here; None if there can."""
    if os.geteuid() != 0:
        return "it needs root"
    lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if not os.path.exists("/dev/net/tun"):
        lacking.append("/dev/net/tun")
    return f"there is no {', '.join(lacking)}" if lacking else None


class Lab:
    """`srv` serves files; `c1`, `c2`, … have them at `/mnt/v4` and `/mnt/v3`.

    `show`: further folders of the machine that the hosts are to see, of those below their own
    /tmp, /run, /mnt and /dev/shm.
    """

    def __init__(
        self, folder: Path, clients: int, *,
        export: str = DEFAULT_EXPORT, show: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.clients = [f"c{number}" for number in range(1, clients + 1)]
        self.network = Network(["srv", *self.clients])
        self._running: list[Running] = []
        self._hands: dict[str, Running] = {}
        self._cut: set[str] = set()
        self._paused: set[str] = set()
        self._ahead: dict[str, float] = {}
        disk = folder / "disk"
        _make_disk(disk)
        hosts = ",".join(f"{self.network.address(name)}={name}" for name in self.network.hosts)
        seen = ":".join(_hidden({str(ROOT), sys.prefix, sys.base_prefix, *show}))
        self._machines = {
            name: Machine(
                name, self.network, folder,
                {
                    "name": name, "address": self.network.address(name), "hosts": hosts,
                    "control": self.network.control(name), "export": export, "show": seen,
                },
                disk if name == "srv" else None,
            )
            for name in self.network.hosts
        }  # fmt: skip

    @classmethod
    @contextmanager
    def up(cls, clients: int = 3, **options: Any) -> Iterator["Lab"]:
        """A laboratory, switched on; off again at the end, whatever happens."""
        folder = Path(tempfile.mkdtemp(prefix="wmctl-lab-"))
        try:
            lab = cls(folder, clients, **options)
            try:
                lab.start(*lab.network.hosts)
                yield lab
            finally:
                lab.down()
        finally:
            shutil.rmtree(folder)

    def down(self) -> None:
        """Switch everything off."""
        self.kill(*self._machines)
        self.network.close()

    # Power, network and clocks.

    def start(self, *hosts: str) -> None:
        """Boot hosts that are off, and mount. The calling thread must outlive them."""
        machines = [self._machines[name] for name in hosts if not self._machines[name].on]
        for machine in machines:
            machine.boot()
        for machine in machines:
            machine.await_ready()
        clients = [machine.name for machine in machines if machine.name != "srv"]
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._mount_all, clients))

    def _mount_all(self, host: str) -> None:
        for protocol in MOUNTS:
            self.mount(host, protocol)

    def mount(self, host: str, protocol: str, where: str | None = None, extra: str = "") -> None:
        """Mount the export at `where`; `extra` are further options, with a comma before each."""
        options, path = _OPTIONS[protocol]
        where = where or MOUNTS[protocol]
        source = f"srv:{path}"
        script = 'mkdir -p "$3" && mount -t nfs -o "$1" "$2" "$3"'
        self.exec(host, ["sh", "-c", script, "sh", f"{options}{extra}", source, where]).ok()

    def kill(self, *hosts: str) -> None:
        """Power loss."""
        for name in hosts:
            self._machines[name].power_off()
            for running in [*self._running, *self._hands.values()]:
                if running.host == name:
                    running.close()
            self._running = [running for running in self._running if running.host != name]
            self._ahead.pop(name, None)
            self._paused.discard(name)

    def is_on(self, host: str) -> bool:
        return self._machines[host].on

    def pause(self, host: str) -> None:
        """A host stands still until `resume`."""
        self._machines[host].pause()
        self._paused.add(host)

    def resume(self, host: str) -> None:
        self._machines[host].resume()
        self._paused.discard(host)

    def cut(self, host: str, how: str = "both") -> None:
        """A partition; `tx`: only what the host sends is lost, `rx`: only what it is sent."""
        self.network.cut(host, how)
        self._cut.add(host)

    def heal(self, host: str) -> None:
        self.network.heal(host)
        self._cut.discard(host)

    def clock(self, host: str, seconds: float) -> None:
        """Shift a host's wall clock."""
        self._ask(host, ["clock"], {"clock": seconds}).wait()
        self._ahead[host] = self._ahead.get(host, 0.0) + seconds

    def recover(self) -> None:
        """End every command and undo every fault: what the next test starts from."""
        for running in self._running:
            running.close()
        self._running = []
        for host in list(self._cut):
            self.heal(host)
        for host in list(self._paused):
            self.resume(host)
        self.start(*self.network.hosts)
        for host, seconds in list(self._ahead.items()):
            self.clock(host, -seconds)
        self._ahead.clear()

    # Commands.

    def bg(
        self, host: str, argv: Sequence[str], *,
        env: Mapping[str, str] | None = None, cwd: str = "/tmp",
    ) -> Running:  # fmt: skip
        """Start a command on a host."""
        request = {"argv": list(argv), "env": {"PYTHONPATH": str(ROOT), **(env or {})}, "cwd": cwd}
        return self._ask(host, argv, request)

    def _ask(self, host: str, argv: Sequence[str], request: Mapping[str, Any]) -> Running:
        connection = self.network.connect(host, PORT, 10.0)
        connection.sendall(json.dumps(request).encode() + b"\n")
        running = Running(host, argv, connection)
        self._running = [other for other in self._running if not other.ended] + [running]
        return running

    def exec(
        self, host: str, argv: Sequence[str], *,
        timeout: float = 120.0, env: Mapping[str, str] | None = None, cwd: str = "/tmp",
    ) -> Result:  # fmt: skip
        """Run a command on a host to its end; it is killed at the timeout."""
        running = self.bg(host, argv, env=env, cwd=cwd)
        try:
            return running.wait(timeout)
        finally:
            running.close()

    def py(self, host: str, code: str, *args: object, timeout: float = 120.0) -> Any:
        """Run Python in a process of the host's that stays (`hand.py`).

        The value of the last line that it prints, which is JSON.
        """
        hand = self._hands.get(host)
        if hand is None or hand.ended:
            hand = self._hands[host] = self.bg(host, [sys.executable, "-m", "tests.nfs.hand"])
            self._running.remove(hand)
        error, printed = json.loads(hand.ask(json.dumps([code, list(map(str, args))]), timeout))
        assert not error, f"on {host}: {error}"
        lines = printed.strip().splitlines()
        return json.loads(lines[-1]) if lines else None


def _hidden(folders: set[str]) -> list[str]:
    """Those that lie where the hosts have a folder of their own."""
    below = tuple(f"{folder}/" for folder in PRIVATE)
    return sorted(folder for folder in map(os.path.realpath, folders) if folder.startswith(below))


def _make_disk(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
