"""`python -m tests.faults [--long] [NAME …]`: the stories one after another, and the table."""

import argparse
import secrets
import sys
import traceback
from datetime import UTC, datetime

from tests.faults.catalogue import BY_NAME, SHORT
from tests.faults.scenario import Scenario, Tally, heading, play, row


def main() -> int:
    """Exit 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help="the full figures: about an hour")
    parser.add_argument("--control", action="store_true", help="with the protection switched off")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(BY_NAME))
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in BY_NAME]
    if unknown:
        parser.error(f"no scenario named {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, seed {asked.seed}", flush=True)
    rows, good = [], True
    for name in asked.names or (BY_NAME if asked.long else SHORT):
        told, clean = tell(BY_NAME[name], asked)
        rows.append(told)
        good &= clean != asked.control
    print("\n".join(["", *heading(), *rows]))
    return 0 if good else 1


def tell(scenario: Scenario, asked: argparse.Namespace) -> tuple[str, bool]:
    """Tell one story; its row, and whether every promise was kept."""
    size = scenario.long if asked.long else scenario.short
    size = scenario.control_size if asked.control else size
    without = scenario.control if asked.control else ""
    print(f"{scenario.goal} {scenario.name} ({size})", flush=True)
    try:
        tally, seconds = play(scenario, size, asked.seed, without=without, quiet=False)
    except Exception:  # noqa: BLE001 - the other stories are told all the same
        tally, seconds = Tally(problems=[traceback.format_exc()]), 0.0
    for problem in tally.problems:
        print(f"  PROBLEM {problem}")
    told = row(scenario, tally, seconds)
    print(told, flush=True)
    return told, tally.clean


if __name__ == "__main__":
    sys.exit(main())
