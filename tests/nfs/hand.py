"""A Python on a laboratory host that has wmctl loaded and does what it is told, piece by piece.

Each line of its input is `[code, [arg, …]]` in JSON; its answer is one line, `[error, what was
printed]`. Starting Python for each piece would take longer than most tests.
"""

import contextlib
import io
import json
import sys
import traceback

import wmctl.testing.spool_contract  # noqa: F401 - loaded once, for all pieces


def do(code, args):
    printed = io.StringIO()
    sys.argv = ["-c", *args]
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "__main__"})
    except Exception:  # noqa: BLE001 - whatever it is, the test is told
        return [traceback.format_exc(), ""]
    return ["", printed.getvalue()]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(do(*json.loads(line))), flush=True)
