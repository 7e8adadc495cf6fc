"""`python -m tests.faults [--long] [NAME …]`: the stories one after another, and the table."""

import argparse
import secrets
import sys
from datetime import UTC, datetime

from tests.faults.catalogue import BY_NAME, SHORT
from tests.faults.scenario import markdown, play


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
    rows = []
    for name in asked.names or (BY_NAME if asked.long else SHORT):
        scenario = BY_NAME[name]
        size = scenario.long if asked.long else scenario.short
        size = scenario.control_size if asked.control else size
        print(f"{scenario.goal} {name} ({size})", flush=True)
        without = scenario.control if asked.control else ""
        tally, seconds = play(scenario, size, asked.seed, without=without, quiet=False)
        for problem in tally.problems:
            print(f"  PROBLEM {problem}", flush=True)
        rows.append((scenario, tally, seconds))
    print("\n".join(["", *markdown(rows)]))
    return 0 if all(tally.clean != asked.control for _, tally, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
