"""One host as a process of this machine: a kernel that is booted, stopped, and loses its power."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .network import Network

KERNEL = "linux.uml"
GUEST = Path(__file__).with_name("guest.py")
#: Seconds for a boot on a busy machine.
BOOT = 60.0
_READY, _FAILED = b"lab: ready", b"lab: failed"
#: A host's memory lies in a file; where there is little shared memory, on a disk.
_SHARED, _ENOUGH = "/dev/shm", 1 << 30


class Machine:
    """`disk` is the server's; `options` are words for `guest.py`."""

    def __init__(
        self, name: str, network: Network, folder: Path,
        options: Mapping[str, str], disk: Path | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._network = network
        self._folder = folder
        self._options = options
        self._disk = disk
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._booted_at = 0

    @property
    def on(self) -> bool:
        return self._process is not None

    def boot(self) -> None:
        """Switch it on; `await_ready` waits for it.

        It dies with the thread that calls this, and takes all that it started along: it is the
        first process of a PID namespace.
        """
        shutil.rmtree(self._folder / "uml" / self.name, ignore_errors=True)
        self._booted_at = self._log.stat().st_size if self._log.exists() else 0
        command = [
            "setpriv", "--pdeathsig", "KILL", *self._network.enter,
            "unshare", "--pid", "--fork", "--kill-child", *self._kernel(),
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=self._network.fds, start_new_session=True, cwd=self._folder,
                env={**os.environ, "TMPDIR": self._memory()},
            )  # fmt: skip

    def _kernel(self) -> list[str]:
        number = self._network.hosts[self.name]
        return [
            KERNEL, "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
            "quiet", "con=null", "con0=null,fd:1", "ssl=null", "panic=-1",
            f"umid={self.name}", f"uml_dir={self._folder}/uml/",
            # The newer vec0 loses large segments between two taps.
            f"eth0=tuntap,{self.name}.n,02:77:00:00:00:{number:02x}",
            f"eth1=tuntap,{self.name}.m,02:78:00:00:00:{number:02x}",
            *([f"ubda={self._disk}"] if self._disk else []),
            *(f"lab.{key}={value}" for key, value in self._options.items()),
            f"init={os.path.realpath(sys.executable)}", "--", str(GUEST),
        ]  # fmt: skip

    def _memory(self) -> str:
        roomy = os.path.isdir(_SHARED) and shutil.disk_usage(_SHARED).free > _ENOUGH
        return _SHARED if roomy else str(self._folder)

    def await_ready(self) -> None:
        until = time.monotonic() + BOOT
        while _READY not in (said := self._said()):
            gone = self._process is None or self._process.poll() is not None
            if gone or _FAILED in said or time.monotonic() > until:
                text = said.decode(errors="replace")[-3000:]
                raise RuntimeError(f"host {self.name} did not come up; its console:\n{text}")
            time.sleep(0.05)

    def _said(self) -> bytes:
        with self._log.open("rb") as log:
            log.seek(self._booted_at)
            return log.read()

    def power_off(self) -> None:
        """All that ran on it is gone at once, and what its kernel had not written."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It stands still, as a stalled virtual machine does."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the kernel; or to `unshare`, its parent, where it has not been started yet."""
        assert self._process is not None, f"{self.name} is off"
        pid = self._process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for child in children or [pid]:
                os.kill(int(child), number)
        except (FileNotFoundError, ProcessLookupError):
            return
