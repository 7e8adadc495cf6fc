"""The laboratory's network: a namespace without a name, which ends with whoever holds it open.

Two bridges: one carries NFS and can be cut host by host, the other carries commands and cannot.
"""

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")
_NEWNET = 0x40000000
#: Frames of the hosts in `tx` are dropped before the bridge, those for hosts in `rx` behind it.
_FILTER = """
table bridge lab {
  set tx { type ifname; }
  set rx { type ifname; }
  chain before { type filter hook prerouting priority 0; iifname @tx drop; }
  chain behind { type filter hook postrouting priority 0; oifname @rx drop; }
}
"""


class Network:
    """`hosts` by name; each has a tap for NFS (`NAME.n`) and one for commands (`NAME.m`)."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._fd = _in_a_thread(_new_namespace)
        self.hosts = {name: number for number, name in enumerate(hosts, 1)}
        self.run(["ip", "-batch", "-"], "\n".join(self._links()))
        self.run(["nft", "-f", "-"], _FILTER)

    def _links(self) -> Iterable[str]:
        yield "link set lo up"
        for bridge, net in (("nfs", 77), ("control", 78)):
            yield f"link add {bridge} type bridge forward_delay 0 stp_state 0"
            yield f"addr add 10.{net}.0.254/24 dev {bridge}"
            yield f"link set {bridge} up"
        for name in self.hosts:
            for tap, bridge in ((f"{name}.n", "nfs"), (f"{name}.m", "control")):
                yield f"tuntap add {tap} mode tap"
                yield f"link set {tap} master {bridge}"
                yield f"link set {tap} up"

    def address(self, host: str) -> str:
        """Where a host's NFS is."""
        return f"10.77.0.{self.hosts[host]}"

    def control(self, host: str) -> str:
        """Where a host takes commands."""
        return f"10.78.0.{self.hosts[host]}"

    @property
    def enter(self) -> list[str]:
        """The words before a command that is to run in here (`pass_fds=network.fds`)."""
        return ["nsenter", f"--net=/proc/self/fd/{self._fd}"]

    @property
    def fds(self) -> tuple[int, ...]:
        return (self._fd,)

    def run(self, argv: Sequence[str], text: str = "") -> str:
        """One of the machine's tools inside the namespace."""
        done = subprocess.run(
            [*self.enter, *argv], input=text, pass_fds=self.fds, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")
        return done.stdout

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connection to a host's command port."""
        return _in_a_thread(lambda: self._connect((self.control(host), port), timeout))

    def _connect(self, address: tuple[str, int], timeout: float) -> socket.socket:
        _checked(_libc().setns(self._fd, _NEWNET))
        return socket.create_connection(address, timeout)

    def cut(self, host: str, how: str = "both") -> None:
        """Drop what a host sends (`tx`), what it is sent (`rx`), or both."""
        for direction in ("tx", "rx") if how == "both" else (how,):
            self._nft(f'add element bridge lab {direction} {{ "{host}.n" }}')

    def heal(self, host: str) -> None:
        """Drop nothing of a host's any more."""
        for direction in ("tx", "rx"):
            element = f'element bridge lab {direction} {{ "{host}.n" }}'
            self._nft(f"add {element}", f"delete {element}")

    def _nft(self, *commands: str) -> None:
        self.run(["nft", "-f", "-"], "\n".join(commands))

    def close(self) -> None:
        """With the last process in it the namespace goes, and all that is in it."""
        os.close(self._fd)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _new_namespace() -> int:
    _checked(_libc().unshare(_NEWNET))
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _in_a_thread(action: Callable[[], R]) -> R:
    """Namespaces are entered by threads: one that ends at once keeps the rest of us outside."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()
