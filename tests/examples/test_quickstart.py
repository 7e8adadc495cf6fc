"""examples/quickstart/run.sh as a new user runs it: an empty home, four languages, four results."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
NAMES = ("visits.sh", "planets.py", "packages.ts", "disks.go")
#: Seconds; the first Go job of an empty cache builds Go's standard library.
PATIENCE = 600


def run(script: Path, home: Path) -> subprocess.CompletedProcess[str]:
    temporary = home / "tmp"
    temporary.mkdir(parents=True)
    return subprocess.run(
        ["sh", str(script)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
        env={
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )


def results(printed: str) -> dict[str, object]:
    rows = [line.split(maxsplit=2) for line in printed.partition("== results")[2].splitlines()]
    return {row[1]: json.loads(row[2]) for row in rows if len(row) == 3 and row[1] in NAMES}


@pytest.mark.timeout(PATIENCE + 60)
def test_four_results_in_four_languages(tmp_path: Path) -> None:
    done = run(QUICKSTART / "run.sh", tmp_path)

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
    assert not list((tmp_path / "tmp").glob("tmp.*")), "nothing is left behind"


@pytest.mark.timeout(PATIENCE + 60)
def test_a_failed_job_fails_the_whole(tmp_path: Path) -> None:
    copy = tmp_path / "checkout" / "examples" / "quickstart"
    shutil.copytree(QUICKSTART, copy)
    (copy / "disks.go").write_text("package wrong\n\nfunc main(mounts string) (int, error) {\n")
    with (copy / "visits.sh").open("a") as script:
        script.write("exit 3\n")

    done = run(copy / "run.sh", tmp_path / "home")

    assert done.returncode == 3, done.stdout + done.stderr
    assert set(results(done.stdout)) == set(NAMES)
    assert "not all jobs ended well" in done.stderr


def test_addresses_are_for_documentation() -> None:
    networks = ("192.0.2.", "198.51.100.", "203.0.113.")
    lines = (QUICKSTART / "access.log").read_text().splitlines()
    assert len(lines) == 200
    assert all(line.startswith(networks) for line in lines)
