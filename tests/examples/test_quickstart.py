"""examples/quickstart/run.sh as a new user runs it: an empty home, four languages, four results."""

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
NAMES = ("visits.sh", "planets.py", "packages.ts", "disks.go")
#: Go that does not compile.
WRONG = "package inner\n\nfunc main(mounts string) (int, error) { return nothing }\n"
#: Seconds; the first Go job of an empty cache builds Go's standard library.
PATIENCE = 600


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go's standard library is built once, by the test that comes first."""
    return tmp_path_factory.mktemp("cache")


def environment(home: Path, cache: Path) -> dict[str, str]:
    """A new user's."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True)
    return {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_CACHE_HOME": str(cache),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def run(script: Path, home: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(script)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(home, cache),
    )


def on_terminal(script: Path, home: Path, cache: Path, width: int) -> tuple[int, list[str]]:
    """Exit code and lines of both streams, as a terminal of this width gets them."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = subprocess.Popen(
        ["sh", str(script)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(home, cache),
    )
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 1 << 16):
            printed += part
    except OSError:  # all who could write have gone
        pass
    finally:
        os.close(ours)
    return process.wait(PATIENCE), printed.decode().replace("\r\n", "\n").splitlines()


def results(printed: str) -> dict[str, object]:
    rows = [line.split(maxsplit=2) for line in printed.partition("== results")[2].splitlines()]
    return {row[1]: json.loads(row[2]) for row in rows if len(row) == 3 and row[1] in NAMES}


@pytest.mark.timeout(PATIENCE + 60)
def test_four_results_in_four_languages(tmp_path: Path, cache: Path) -> None:
    done = run(QUICKSTART / "run.sh", tmp_path, cache)

    assert done.returncode == 0, done.stdout + done.stderr
    found = results(done.stdout)
    assert set(found) == set(NAMES)
    log = (QUICKSTART / "access.log").read_text().splitlines()
    visits = found["visits.sh"]
    assert isinstance(visits, dict)
    assert sum(visits["statuses"].values()) == len(log)
    assert visits["visitors"] == len({line.split()[0] for line in log})
    assert visits["bytes"] == sum(int(line.split()[9]) for line in log)
    planets = found["planets.py"]
    assert isinstance(planets, dict)
    assert (planets["planets"], planets["would_float"]) == (8, ["Saturn"])
    assert abs(planets["exponent"] - 1.5) < 0.01
    packages = found["packages.ts"]
    assert isinstance(packages, dict)
    assert packages["count"] > 0
    assert isinstance(found["disks.go"], list)
    for name in NAMES:
        assert f"{name:11} | " in done.stdout, "each job's log is shown as it grows"
    assert done.stderr == ""
    assert done.stdout.startswith(f"== the spool, a folder: {tmp_path}/tmp/tmp.")
    assert not list((tmp_path / "tmp").glob("tmp.*")), "nothing is left behind"


@pytest.mark.timeout(PATIENCE + 60)
def test_a_failed_job_fails_the_whole(tmp_path: Path, cache: Path) -> None:
    copy = tmp_path / "checkout" / "examples" / "quickstart"
    shutil.copytree(QUICKSTART, copy)
    (copy / "disks.go").write_text(WRONG)
    with (copy / "visits.sh").open("a") as script:
        script.write("exit 3\n")

    done = run(copy / "run.sh", tmp_path / "home", cache)

    assert done.returncode == 3, done.stdout + done.stderr
    assert set(results(done.stdout)) == set(NAMES)
    assert "not all jobs ended well" in done.stderr


@pytest.mark.timeout(PATIENCE + 60)
def test_on_a_terminal_a_result_takes_one_line(tmp_path: Path, cache: Path) -> None:
    code, lines = on_terminal(QUICKSTART / "run.sh", tmp_path, cache, 80)

    assert code == 0, lines
    assert not [line for line in lines if "no live worker" in line], "that reads like an error"
    at = lines.index("== results (FULL=1 shows them whole)")
    rows = lines[at + 1 : at + 6]
    assert [row.split()[1] for row in rows] == ["JOB", *NAMES]
    assert max(map(len, rows)) == 80
    assert rows[1].endswith(" ...")


def test_addresses_are_for_documentation() -> None:
    networks = ("192.0.2.", "198.51.100.", "203.0.113.")
    lines = (QUICKSTART / "access.log").read_text().splitlines()
    assert len(lines) == 200
    assert all(line.startswith(networks) for line in lines)
