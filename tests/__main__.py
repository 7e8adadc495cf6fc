"""All tests: `python -m tests`, with pytest's options if any. Two processes beside each other.

The hosts of the NFS laboratory wait most of their time, so they have one of their own; what it
says is printed at the end. All other tests run in a row, so that none meets another's processes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
HOSTS = HERE / "nfs"
#: pytest's code where options left nothing to run.
NOTHING = 5


def main(options: list[str]) -> int:
    """0 if all of them pass; else the first code that is not 0."""
    pytest = [sys.executable, "-m", "pytest", *options]
    with tempfile.TemporaryFile() as said:
        hosts = subprocess.Popen(
            [*pytest, HOSTS], cwd=HERE.parent, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            here = subprocess.call([*pytest, f"--ignore={HOSTS}"], cwd=HERE.parent)
            print("\nThe laboratory of hosts:", flush=True)
            there = hosts.wait()
        except BaseException:
            hosts.terminate()
            hosts.wait()
            raise
        said.seek(0)
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    return next((code for code in (here, there) if code not in {0, NOTHING}), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
