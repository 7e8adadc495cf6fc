"""The house: layers go one way, and each kind of side effect has one place."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted([*(ROOT / "wmctl").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])

#: What only these places may do. Anything new belongs behind one of them.
STARTS_PROCESSES = {
    "wmctl/runner/process.py",
    "wmctl/runner/quiet.py",
}
TOUCHES_SPOOL = {"wmctl/spool/fs.py"}
PRINTS = {"wmctl/cli/output.py"}
#: Runs inside a job, not inside wmctl.
IN_JOBS = {"plugins/wmctl_python3/wrapper.py"}

_DISK = {
    "open", "rename", "replace", "unlink", "remove", "mkdir", "makedirs", "rmdir", "link",
    "symlink", "truncate", "utime", "write", "pwrite", "fsync", "scandir", "listdir", "chmod",
    "fchmod", "stat", "lstat",
}  # fmt: skip


def calls(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield "", node.func.id
            elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                yield node.func.value.id, node.func.attr


def offenders(paths, allowed, is_bad, source=None):
    found = []
    for path in paths:
        name = str(path.relative_to(ROOT))
        if name in allowed | IN_JOBS:
            continue
        tree = ast.parse(source or path.read_text())
        found += [f"{name}: {owner}.{call}" for owner, call in calls(tree) if is_bad(owner, call)]
    return found


def touches_disk(owner, call):
    return (owner == "os" and call in _DISK) or (owner == "" and call == "open")


def starts_process(owner, call):
    return owner == "subprocess" or (
        owner == "os" and call in {"system", "popen", "posix_spawn", "execv", "execve", "spawnv"}
    )


def prints(owner, call):
    return owner == "" and call == "print"


def test_only_fs_touches_the_spool():
    spool = [path for path in PRODUCT if "wmctl/spool/" in str(path)]
    assert offenders(spool, TOUCHES_SPOOL, touches_disk) == []


def test_only_process_starts_processes():
    assert offenders(PRODUCT, STARTS_PROCESSES, starts_process) == []


def test_only_output_prints():
    assert offenders(PRODUCT, PRINTS, prints) == []


@pytest.mark.parametrize(
    ("source", "is_bad"),
    [
        ("import os\nos.rename('a', 'b')", touches_disk),
        ("import subprocess\nsubprocess.run(['ls'])", starts_process),
        ("print('x')", prints),
    ],
)
def test_the_checks_can_fail(source, is_bad):
    assert offenders([PRODUCT[0]], set(), is_bad, source)


def test_layers():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_wrong_import_is_reported(tmp_path):
    """Negative control: the same settings find a planted import of the cli in the spool."""
    for part in ("wmctl", "plugins", "pyproject.toml"):
        subprocess.run(["cp", "-r", ROOT / part, tmp_path / part], check=True)
    planted = tmp_path / "wmctl/spool/ids.py"
    planted.write_text(planted.read_text() + "\nimport wmctl.cli.output\n")
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}:{tmp_path / 'plugins'}", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode != 0
    assert "wmctl.spool.ids -> wmctl.cli.output" in done.stdout
