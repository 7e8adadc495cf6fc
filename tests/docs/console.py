"""Runs the examples of a page: ```console blocks in one shell, ```LANGUAGE FILE blocks as files.

In a console block a line `$ …` is a command, `> …` continues it, and the rest is its output. What
differs from run to run (ids, times, ages, names of workers, the home folder, widths of columns) is
not compared; `...` stands for anything within a line, alone for any number of lines.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)[ ]?(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_MARK = "\x1e"
_MASKS = (
    (
        re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"),
        "ID",
    ),
    (re.compile(r"\bwk-[\w.-]+-[a-z0-9]{5}\b"), "WORKER"),
    (re.compile(r"\d{8}T\d{6}\.\d{6}Z"), "DUE"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b[0-9a-f]{8}\b"), "SHORT"),
    (re.compile(r"\b\d+(\.\d+)?(ms|s|m|h)\b"), "AGE"),
    (re.compile(r"/\S*/\.local/state/"), "HOME/.local/state/"),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass
class Example:
    """One command and what the page says it prints."""

    line: int
    command: str
    expected: list[str] = field(default_factory=list)


def examples(page: str) -> list[Example]:
    """The commands of all console blocks, in order."""
    found: list[Example] = []
    for block in _FENCE.finditer(page):
        if block[1] != "console":
            continue
        first = page.count("\n", 0, block.start(3)) + 1
        for number, text in enumerate(block[3].splitlines(), first):
            if text.startswith("$ "):
                found.append(Example(number, text[2:]))
            elif text.startswith("> ") and not found[-1].expected:
                found[-1].command += "\n" + text[2:]
            else:
                found[-1].expected.append(text)
    return found


def files(page: str) -> dict[str, str]:
    """The files that the page tells its reader to write."""
    return {block[2]: block[3] for block in _FENCE.finditer(page) if block[2]}


def run(commands: list[str], folder: Path) -> list[list[str]]:
    """What each command printed, both streams in one, in one shell with an empty home."""
    home = folder.parent / f"{folder.name}-home"
    home.mkdir()
    (folder / "examples").symlink_to(ROOT / "examples")
    env = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
    }
    script = "exec 2>&1\n" + "".join(f"{command}\nprintf '{_MARK}'\n" for command in commands)
    done = subprocess.run(
        ["bash"], input=script, capture_output=True, text=True, cwd=folder, env=env,
        timeout=300, check=False,
    )  # fmt: skip
    return [part.splitlines() for part in done.stdout.split(_MARK)[: len(commands)]]


def differs(expected: list[str], printed: list[str]) -> bool:
    """Whether the output is not what the page says."""
    lines = [_pattern(_masked(line)) for line in expected]
    text = "".join(f"{_masked(line)}\n" for line in printed)
    return re.fullmatch("".join(lines), text) is None


def _masked(line: str) -> str:
    for pattern, word in _MASKS:
        line = pattern.sub(word, line)
    return line.rstrip()


def _pattern(line: str) -> str:
    if line == "...":
        return r"(?:.*\n)*?"
    return ".*".join(map(re.escape, line.split("..."))) + r"\n"
