"""`python -m wmctl.cli.manual [FOLDER]`: write all pages below the project's folder (here)."""

import os
import sys

import wmctl.cli.complete.table as completion
from wmctl.cli import output
from wmctl.cli.manual import markdown, roff, tree
from wmctl.cli.topics import TOPICS, text_of


def files() -> dict[str, str]:
    """Path in the project and content of every file that is made from the commands."""
    root = tree.whole()
    topics = {name: text_of(name) for name in TOPICS}
    man = {f"docs/man/{name}": text for name, text in roff.pages(root, topics).items()}
    return {
        "docs/reference/cli.md": markdown.page(root, tuple(TOPICS)),
        "wmctl/cli/complete/commands.json": completion.text(root),
        **man,
    }


def main(folder: str) -> None:
    """Write what has changed, remove pages of commands that are no more."""
    made = files()
    os.makedirs(f"{folder}/docs/man", exist_ok=True)
    for name in os.listdir(f"{folder}/docs/man"):
        if f"docs/man/{name}" not in made:
            os.unlink(f"{folder}/docs/man/{name}")
            output.line(f"removed docs/man/{name}")
    for name, text in made.items():
        path = f"{folder}/{name}"
        if not os.path.exists(path) or _read(path) != text:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            output.line(f"wrote {name}")


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
