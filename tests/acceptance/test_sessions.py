"""Recorded sessions: of somebody who has the README and `--help` only; of an operator of groups."""

from pathlib import Path

import pytest

from tests.docs.console import differs, examples, files, run

SESSIONS = [Path(__file__).with_name(name) for name in ("stranger.md", "operator.md")]


@pytest.mark.timeout(200)
@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_session(session: Path, tmp_path: Path) -> None:
    text = session.read_text(encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    for name, content in files(text).items():
        (folder / name).write_text(content, encoding="utf-8")
    found = examples(text)
    printed = run([example.command for example in found], folder)
    assert len(printed) == len(found)
    wrong = [
        "\n".join([f"{session.name}:{example.line} $ {example.command}", *lines])
        for example, lines in zip(found, printed, strict=True)
        if differs(example.expected, lines)
    ]
    assert not wrong, "\n\n".join(["it prints now:", *wrong])
