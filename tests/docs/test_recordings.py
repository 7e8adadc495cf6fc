"""The recordings in the docs are what the commands show, of a spool with real workers."""

import os
import re
from pathlib import Path

import pytest

from tests.docs import recordings


def test_the_page_and_the_picture_are_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m tests.docs.recordings --write` makes them anew."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    for path, text in recordings.made(tmp_path, environ):
        assert text == path.read_text(encoding="utf-8"), path.name


def test_the_picture_names_no_other_host() -> None:
    """Only the name space of SVG, which nobody fetches."""
    text = recordings.PICTURE.read_text(encoding="utf-8")
    assert set(re.findall(r"\w+://[^\s\"')]+", text)) == {"http://www.w3.org/2000/svg"}


def test_a_place_that_is_missing_is_an_error() -> None:
    """Else a recording would silently go stale."""
    with pytest.raises(ValueError, match="0 places"):
        recordings.page("# nothing", {"top": "x"})
