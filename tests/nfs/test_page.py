"""docs/how-to/several-hosts-over-nfs.md: its commands, fstab line and unit, on hosts of their own.

The prompt says where: `server#` and `host1#` as root, `host1$` as the user that the page makes.
"""

import configparser
import re
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.console import differs

from .channel import Running
from .guest import EXPORT
from .lab import ROOT, Lab, missing

PAGE = (ROOT / "docs/how-to/several-hosts-over-nfs.md").read_text(encoding="utf-8")
HOSTS = {"server": "srv", "host1": "c1", "host2": "c2"}
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT = re.compile(r"(server|host1|host2)([#$]) (.*)")
#: Root, made the user of the page. The capability is for the checkout, which may be root's alone;
#: over NFS it means nothing.
_AS_JOBS = (
    "setpriv --reuid=jobs --regid=jobs --init-groups --inh-caps=+dac_read_search"
    " --ambient-caps=+dac_read_search env HOME=/home/jobs"
)
_LOAD = f"import sys; sys.path.insert(0, '{ROOT}/tests/nfs'); import guest"
#: What is changed in the machine's own /etc, read-only here, stays in the host's memory.
_OWN_ETC = """
set -e
"$3" -c "$4; guest.load_modules('overlay')"
umount /mnt/v4 /mnt/v3 2>/dev/null || true
umount /etc/hosts /etc/exports 2>/dev/null || true
mkdir -p /run/etc/own /run/etc/work
mount -t overlay etc -o lowerdir=/etc,upperdir=/run/etc/own,workdir=/run/etc/work /etc
printf '127.0.0.1 localhost\n%s\n' "$2" > /etc/hosts
: > /etc/fstab
hostname "$1"
mount -t tmpfs home /home
"""
#: The server's root is the exported disk, for the machine's own root cannot be exported.
_OWN_ROOT = """
set -e
exportfs -ua
: > /etc/exports
kill $(pidof rpc.mountd)
while pidof -q rpc.mountd; do sleep 0.1; done
cd /mnt/export
for name in bin sbin lib lib64 usr etc home var run proc dev tmp; do
  if [ -L /$name ]; then cp -a /$name .
  elif [ -d /$name ]; then mkdir -p $name; mount --rbind /$name $name
  fi
done
chroot . rpc.mountd
"""


class Command(NamedTuple):
    """A command of the page, and what it prints there."""

    host: str
    root: bool
    text: str
    expected: list[str]


def commands(block: str) -> list[Command]:
    found: list[Command] = []
    for line in block.splitlines():
        if prompt := _PROMPT.fullmatch(line):
            found.append(Command(prompt[1], prompt[2] == "#", prompt[3], []))
        else:
            found[-1].expected.append(line)
    return found


class Reader:
    """Does on the laboratory's hosts what the page says."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.units: list[Running] = []
        addresses = {host: lab.network.control(name) for host, name in HOSTS.items()}
        path = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        self.env = {
            "PATH": path,
            "LAB_AS": _AS_JOBS,
            "LAB_HOSTS": " ".join(f"{host}={address}" for host, address in addresses.items()),
            "WMCTL_SSH": f"{sys.executable} {ROOT / 'tests/nfs/hop.py'}",
        }

    def prepare(self) -> None:
        names = "\n".join(f"{self.lab.network.address(n)} {h}" for h, n in HOSTS.items())
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: self.own_etc(host, names), HOSTS))
        self.script("server", _OWN_ROOT)

    def own_etc(self, host: str, names: str) -> None:
        self.script(host, _OWN_ETC, host, names, sys.executable, _LOAD)

    def script(self, host: str, text: str, *words: str) -> None:
        self.lab.exec(HOSTS[host], ["sh", "-c", text, "sh", *words], env=self.env).ok()

    def read(self, language: str, text: str) -> None:
        match language:
            case "console":
                for command in commands(text):
                    self.run(command)
            case "fstab":
                for host in ("host1", "host2"):
                    self.script(host, 'printf "%s" "$1" >> /etc/fstab', text)
            case "ini":
                for host in ("host1", "host2"):
                    self.units.append(self.start(host, text))
                for unit in self.units:
                    unit.until(" up; ", times=4)

    def run(self, command: Command) -> None:
        words = [] if command.root else shlex.split(_AS_JOBS)
        if command.host == "server":
            words = ["chroot", EXPORT]
        argv = [*words, "bash", "-c", f"exec 2>&1; {command.text}"]
        done = self.lab.exec(HOSTS[command.host], argv, env=self.env)
        shown = f"{command.host}{'#' if command.root else '$'} {command.text}\n{done.out}"
        assert not differs(command.expected, done.out.splitlines()), shown

    def start(self, host: str, text: str) -> Running:
        """A unit as systemd would start it."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        unit, service = parser["Unit"], parser["Service"]
        assert "remote-fs.target" in unit["After"].split()
        self.script(host, 'mountpoint -q "$1"', unit["RequiresMountsFor"])
        assert service["User"] == "jobs"
        program, *words = shlex.split(service["ExecStart"])
        assert program.endswith("/bin/wmctl")
        argv = [*shlex.split(_AS_JOBS), str(Path(sys.executable).with_name("wmctl")), *words]
        return self.lab.bg(HOSTS[host], argv, env=self.env)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Hosts of the page's own: it changes what they export, mount and are called."""
    if lack := missing():
        pytest.skip(f"no NFS laboratory: {lack}")
    with Lab.up(clients=2) as lab:
        found = Reader(lab)
        found.prepare()
        yield found


def test_every_command_of_the_page(reader: Reader) -> None:
    blocks = _BLOCK.findall(PAGE)
    assert {language for language, _ in blocks} == {"console", "fstab", "ini"}
    for language, text in blocks:
        reader.read(language, text)


def test_nothing_else_on_the_page_is_a_command() -> None:
    """What looks like a command stands in a block that is run."""
    rest = _BLOCK.sub("", PAGE)
    assert not re.search(r"^(    |\t|\s*(server|host\d)[#$] )", rest, re.MULTILINE)
    assert "```" not in rest


def test_the_comparison_can_fail(reader: Reader) -> None:
    with pytest.raises(AssertionError):
        reader.run(Command("host1", root=False, text="echo one", expected=["two"]))
