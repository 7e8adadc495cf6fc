"""Every parser of what others may have written meets bytes that nobody would write (G13)."""

import re
import subprocess
import sys
from pathlib import Path

from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import ROOT

#: Small examples of each parser's language; new finds are kept for the run only.
CORPUS = Path(__file__).parent / "corpus"
PARSERS = sorted(path.name for path in CORPUS.iterdir())
#: Seconds for a run of the whole, however slow the machine.
PATIENCE = 3600.0


def _fuzz(ground: Ground, parser: str, runs: int) -> tuple[int, str]:
    """How many inputs it took, and what broke it; "" if nothing did."""
    found = ground.folder(memory=True)
    words = [f"-runs={runs}", f"-seed={ground.seed % (1 << 31) + 1}", "-max_len=600",
             f"-artifact_prefix={found}/", str(found), str(CORPUS / parser)]  # fmt: skip
    planted = ["--planted"] if ground.without else []
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.fuzzers", parser, *planted, *words],
        cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False,
    )  # fmt: skip
    counted = re.findall(r"Done (\d+) runs", done.stderr) or re.findall(r"#(\d+)", done.stderr)
    if done.returncode == 0:
        return int(counted[-1]), ""
    at = done.stdout.find("=== Uncaught Python exception")
    culprit = [path.read_bytes() for path in found.glob("crash-*")]
    return int(counted[-1]) if counted else 0, f"{done.stdout[at:][-600:]} {culprit}"


def fuzz(ground: Ground, runs: int) -> Tally:
    """So many inputs for each parser."""
    tally = Tally()
    for parser in PARSERS[:1] if ground.without else PARSERS:
        took, broken = _fuzz(ground, parser, runs)
        tally.faults += took
        tally.expect(not broken, f"{parser}: {broken}")
        ground.said(f"{parser}: {took} inputs")
    tally.note = f"{len(PARSERS)} parsers, {runs:,} inputs each"
    return tally


SCENARIOS = [
    Scenario(
        "G13", "fuzz", "inputs that nobody would write, for every parser", fuzz,
        short=5_000, long=1_000_000, control="planted", control_size=200_000,
    ),
]  # fmt: skip
