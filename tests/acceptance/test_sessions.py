"""The recorded session of somebody who has the README and `--help` only."""

from pathlib import Path

import pytest

from tests.docs.console import differs, examples, files, run

SESSION = Path(__file__).with_name("stranger.md")


@pytest.mark.timeout(200)
def test_a_stranger_s_session(tmp_path: Path) -> None:
    text = SESSION.read_text(encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    for name, content in files(text).items():
        (folder / name).write_text(content, encoding="utf-8")
    found = examples(text)
    printed = run([example.command for example in found], folder)
    assert len(printed) == len(found)
    wrong = [
        "\n".join([f"{SESSION.name}:{example.line} $ {example.command}", *lines])
        for example, lines in zip(found, printed, strict=True)
        if differs(example.expected, lines)
    ]
    assert not wrong, "\n\n".join(["it prints now:", *wrong])
