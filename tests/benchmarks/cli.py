"""The commands of every day, beside `python -c "import typer"`; and a list of 100,000 jobs."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wmctl.spool import Job, Name, Spool, bucket, new_id
from wmctl.spool.name import due_after

from .measure import median_ms, paired, ratio, table

RUNS = 15
WAITING = 1_000
FINISHED = 100_000
TYPER = [sys.executable, "-c", "import typer"]
WMCTL = str(Path(sys.executable).with_name("wmctl"))


def main() -> None:
    """Each row is a pair of commands, run in turn; the last is one command's first line."""
    folder = Path(tempfile.mkdtemp(prefix="wmctl-bench-"))
    env = {**os.environ, "HOME": str(folder)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
    spool, large = (Spool.create(folder / name) for name in ("spool", "large"))
    try:
        list(spool.submit_all((_job(number) for number in range(WAITING)), tag="bash"))
        rows = [
            _row("wmctl submit", ["submit", "-c", ":", "-l", "bash"], "1.8", env, spool),
            _row(f"wmctl ps, {WAITING:,} jobs", ["ps"], "2.5", env, spool),
            _row("a TAB after wmctl show", ["__complete", "zsh", "show", ""], "1.5", env, spool),
            _row("a TAB after wmctl ps --", ["__complete", "bash", "ps", "--"], "1.5", env, spool),
        ]
        print(f"writing {FINISHED:,} finished jobs …", file=sys.stderr)
        finish(large, FINISHED)
        rows += [_first_line(env, large, options) for options in ([], ["-o", "jsonl"])]
        table(rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _job(number: int) -> Job:
    return Job(language="bash", code=":", name=f"job {number}")


def finish(spool: Spool, count: int, apart: float = 0.1) -> None:
    """Finished jobs, as files: to run as many would take minutes. One every so many seconds."""
    content = _job(0).to_json()
    record = b'{"outcome":"success","exit_code":0,"result":null}\n'
    now = spool.now()
    for number in range(count):
        ended = now - int((count - number) * apart * 10**9)
        job_id = new_id(ended // 10**6)
        name = Name(due_after(0.0, now), 0, job_id, "bash", claims=1, outcome="success")
        for top, file, text in (
            ("completed", name.file, content), ("results", f"{job_id}.1.json", record)
        ):  # fmt: skip
            path = spool.path / top / bucket(job_id)
            path.mkdir(parents=True, exist_ok=True)
            (path / file).write_bytes(text)
            (path / file).chmod(0o600)
            for changed in (path / file, path):
                os.utime(changed, ns=(ended, ended))


def _row(what, words, target, env, spool):
    def run(command):
        return lambda: subprocess.run(
            command, env={**env, "WMCTL_SPOOL": str(spool.path)}, check=True, capture_output=True
        )

    pairs = paired(run([WMCTL, *words]), run(TYPER), RUNS)
    return what, median_ms(pairs, 0), median_ms(pairs, 1), f"{ratio(pairs):.2f} (target {target})"


def _first_line(env, spool, options):
    command = [WMCTL, "--spool", str(spool.path), "ps", "-a", *options]
    started = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        line = time.perf_counter() - started
        while process.stdout.read(1 << 20):
            pass
    whole = time.perf_counter() - started
    return (
        f"{' '.join(['wmctl ps -a', *options])}, {FINISHED:,} finished: first line",
        f"{line:.2f} s", "", f"all in {whole:.1f} s (target 1 s)",
    )  # fmt: skip


if __name__ == "__main__":
    main()
