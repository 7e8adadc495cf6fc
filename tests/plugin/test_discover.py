"""Entry points read from folders are the same that importlib.metadata finds."""

import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from wmctl.plugin import discover
from wmctl.plugin.discover import Source, sources


def install(folder: Path, info: str, text: str | None) -> None:
    """A distribution's folder as an installer leaves it."""
    (folder / info).mkdir(parents=True)
    name, version = info.removesuffix(".dist-info").removesuffix(".egg-info").split("-")[:2]
    (folder / info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    if text is not None:
        (folder / info / "entry_points.txt").write_text(text)


def only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sys.path be this folder and the standard library."""
    kept = [path for path in sys.path if not path.endswith("site-packages")]
    monkeypatch.setattr(sys, "path", [str(folder), *kept])


def test_the_same_as_importlib_metadata_here() -> None:
    """In the environment of this test run, whatever is installed in it."""
    expected = {(point.name, point.value) for point in entry_points(group="wmctl")}
    assert {(found.name, found.value) for found in sources()} == expected
    assert expected, "wmctl itself is not installed"


def test_own_plugins_come_first_then_by_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order decides who keeps a name, so it must not depend on folders."""
    install(tmp_path, "zeta-1.0.dist-info", "[wmctl]\na = zeta_a\n")
    install(
        tmp_path,
        "alpha_x-2.0.dist-info",
        "[console_scripts]\nq = q:q\n\n[wmctl]\nz = alpha.z:Z [extra]\n",
    )
    install(tmp_path, "wmctl-0.1.dist-info", "[wmctl]\nbash = wmctl_bash\n# no = comment\n")
    install(tmp_path, "other-1.0.dist-info", "[pytest11]\nwmctl = other\n")
    install(tmp_path, "none-1.0.dist-info", None)
    only(tmp_path, monkeypatch)
    found = sources()
    assert found[0] == Source("bash", "wmctl_bash", "wmctl", "0.1")
    assert [(source.distribution, source.value) for source in found[1:]] == [
        ("alpha-x", "alpha.z:Z"),
        ("zeta", "zeta_a"),
    ]


def test_a_distribution_found_twice_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for imports, the first folder on sys.path wins."""
    install(tmp_path / "one", "wmctl_x-1.0.dist-info", "[wmctl]\nx = first\n")
    install(tmp_path / "two", "wmctl.x-2.0.dist-info", "[wmctl]\nx = second\n")
    only(tmp_path / "one", monkeypatch)
    monkeypatch.setattr(sys, "path", [sys.path[0], str(tmp_path / "two"), *sys.path[1:]])
    assert [found.value for found in sources() if not found.own] == ["first"]


def test_an_archive_on_the_path_is_asked_for_by_importlib_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not in a folder is found all the same."""
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(
            "packed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: packed\nVersion: 1.0\n"
        )
        packed.writestr("packed-1.0.dist-info/entry_points.txt", "[wmctl]\np = packed\n")
    assert not discover._unusual()
    only(archive, monkeypatch)
    assert discover._unusual()
    assert Source("p", "packed", "packed", "1.0") in sources()
