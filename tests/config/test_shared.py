"""Configuration files in the spool: no editor loses another's change, whatever crashes."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import UnixFileLock

from wmctl.config import shared
from wmctl.config.shared import EditConflict
from wmctl.errors import ConfigError, SpoolBusy, SpoolError, WmctlError
from wmctl.spool import Settings
from wmctl.spool.fs import Disk
from wmctl.spool.store import Store
from wmctl.testing.faults import Call, CountingDisk, Crash, CrashingDisk, FailingDisk, WatchedDisk
from wmctl.testing.powercut import PowerCutDisk

FILE = "groups/gpu.yaml"
#: What one editor does: read the number, make it one more, as often as it is told.
EDITOR = """
import contextlib, os, sys
from wmctl.config import shared
from wmctl.spool.fs import Disk
from wmctl.spool.store import Store
store = Store.open(sys.argv[1], Disk())
if sys.argv[3] == "no lock":
    shared.locked = lambda store: contextlib.nullcontext()
    shared.read_again = shared.read
    kept = {}
    # Without the second look either: this is what a plain read, change, rename would do.
    def read(store, relative):
        if relative not in kept:
            kept[relative] = shared.read_again(store, relative)
        return kept[relative]
    shared.read = read
    shared._publish = lambda store, relative, text: (store.put(text, store.path(relative)), True)[1]
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    if sys.argv[3] == "no lock":
        kept.clear()
    shared.edit(store, "groups/gpu.yaml", lambda now: b"%d" % (int(now or b"0") + 1))
"""


def made(root: Path, disk: Disk | None = None, mode: str = "0600") -> Store:
    return Store.create(str(root), Settings(durability="none", file_mode=mode), disk or Disk())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return made(tmp_path / "spool")


def text(store: Store, relative: str = FILE) -> bytes | None:
    found = shared.read(store, relative)
    return found.text if found else None


def race(root: Path, times: int, how: str) -> int:
    """Two processes change one number; what it is afterwards."""
    editors = [
        subprocess.Popen(
            [sys.executable, "-c", EDITOR, str(root), str(times), how],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for editor in editors:
        assert editor.stdin is not None
        editor.stdin.write("go\n")
        editor.stdin.flush()
    for editor in editors:
        _, err = editor.communicate(timeout=120)
        assert editor.returncode == 0, err
    return int(text(Store.open(str(root), Disk())) or b"0")


def test_two_editors_lose_nothing(store: Store) -> None:
    """Two processes, a hundred changes each, at once."""
    assert race(Path(store.root), 100, "lock") == 200


def test_without_the_lock_they_would(tmp_path: Path) -> None:
    """Negative control: the same two without the lock and the comparison lose changes."""
    counts = []
    for attempt in range(3):
        store = made(tmp_path / f"spool{attempt}")
        counts.append(race(Path(store.root), 300, "no lock"))
        if counts[-1] < 600:
            return
    raise AssertionError(counts)


def test_what_a_hand_wrote_meanwhile_is_not_lost(store: Store) -> None:
    """Somebody saves the file from vi, without the lock, while a change is being made."""
    shared.edit(store, FILE, lambda _: b"a")
    path, seen = Path(store.path(FILE)), []

    def change(now: bytes | None) -> bytes:
        if not seen:
            path.write_bytes(b"by hand")
        seen.append(now)
        return (now or b"") + b"+"

    shared.edit(store, FILE, change)
    assert seen == [b"a", b"by hand"]
    assert text(store) == b"by hand+"


def test_replace_refuses_what_was_changed_since(store: Store) -> None:
    shared.replace(store, FILE, b"mine", None)
    found = shared.read(store, FILE)
    assert found is not None
    shared.edit(store, FILE, lambda _: b"theirs")
    for based_on in (found.version, None):
        with pytest.raises(EditConflict, match="somebody else changed"):
            shared.replace(store, FILE, b"mine again", based_on)
    assert text(store) == b"theirs"
    shared.discard(store, FILE)
    with pytest.raises(EditConflict):
        shared.replace(store, FILE, b"mine again", found.version)
    assert text(store) is None


def test_none_removes_and_the_same_text_writes_nothing(tmp_path: Path) -> None:
    disk = CountingDisk()
    store = made(tmp_path / "spool", disk)
    shared.edit(store, FILE, lambda _: b"a")
    before = shared.stamp(store, FILE)
    disk.calls.clear()
    shared.edit(store, FILE, lambda _: b"a")
    assert not [call for call in disk.calls if call.name in {"create", "rename", "unlink"}]
    assert shared.stamp(store, FILE) == before
    shared.edit(store, FILE, lambda _: None)
    assert (text(store), shared.stamp(store, FILE)) == (None, None)
    shared.edit(store, FILE, lambda _: None)
    where = shared.discard(store, FILE)
    assert where is None


def test_the_stamp_changes_with_the_file(store: Store) -> None:
    """By rename, as editors of wmctl do it, and in place, as vi may."""
    stamps = []
    for content in (b"a", b"b", b"a"):
        shared.edit(store, FILE, lambda _, content=content: content)
        stamps.append(shared.stamp(store, FILE))
    Path(store.path(FILE)).write_bytes(b"in place")
    stamps.append(shared.stamp(store, FILE))
    assert len(set(stamps)) == 4
    assert None not in stamps


def test_names_are_those_of_yaml_files(store: Store) -> None:
    for name in ("b.yaml", "a.yaml", "a.yaml~", ".a.yaml.swp", ".hidden.yaml", "c.yml"):
        Path(store.path("groups", name)).write_text("")
    assert shared.names(store, "groups") == ["a", "b"]


def test_a_removed_file_is_kept_for_a_day(store: Store) -> None:
    """Where a person finds it again."""
    shared.edit(store, FILE, lambda _: b"precious")
    os.utime(store.path(FILE), (0, 0))
    where = shared.discard(store, FILE)
    assert where is not None
    assert os.stat(where).st_mtime > 1e9
    assert Path(where).read_bytes() == b"precious"
    assert text(store) is None


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.chmod(0o622), "others may write"),
        (lambda path: path.rename(f"{path}.real") and path.symlink_to(f"{path}.real"), "regular"),
        (lambda path: os.link(path, f"{path}.link"), "hard link"),
        (lambda path: path.write_bytes(b"#" * (300 << 10)), "allowed"),
        (lambda path: path.unlink() or os.mkfifo(path), "regular"),
        (lambda path: path.unlink() or path.mkdir(), "regular"),
    ],
)
def test_what_cannot_be_believed_is_an_error(
    store: Store, spoil: Callable[[Path], object], message: str
) -> None:
    """And is not written over by an editor who could not read it; it can be removed."""
    shared.edit(store, FILE, lambda _: b"a: b")
    spoil(Path(store.path(FILE)))
    with pytest.raises(ConfigError, match=message) as caught:
        shared.read(store, FILE)
    assert store.path(FILE) in caught.value.message
    with pytest.raises(ConfigError, match=message):
        shared.edit(store, FILE, lambda _: b"c")


def test_too_long_is_refused_before_it_is_written(store: Store) -> None:
    with pytest.raises(ConfigError, match="longer than"):
        shared.edit(store, FILE, lambda _: b"#" * (257 << 10))
    assert text(store) is None


def test_a_groups_spool_stays_the_groups(tmp_path: Path) -> None:
    """Whatever the umask: the next editor may be another member."""
    before = os.umask(0o077)
    try:
        store = made(tmp_path / "spool", mode="0660")
        shared.edit(store, FILE, lambda _: b"a")
    finally:
        os.umask(before)
    for name in (FILE, shared.LOCK):
        assert stat.S_IMODE(os.stat(store.path(name)).st_mode) == 0o660, name


def test_who_waits_too_long_is_told_for_whom(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_PATIENCE", 0.05)
    with UnixFileLock(store.path(shared.LOCK)), pytest.raises(SpoolBusy, match=r"config\.lock"):
        shared.edit(store, FILE, lambda _: b"a")
    shared.edit(store, FILE, lambda _: b"a")


def test_a_lock_that_somebody_died_with_is_free(store: Store) -> None:
    """The system drops it with its holder; nothing has to be cleaned up by hand."""
    script = (
        "import os, sys; from filelock import UnixFileLock;"
        " UnixFileLock(sys.argv[1]).acquire(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, store.path(shared.LOCK)], check=False)
    assert done.returncode == -9
    shared.edit(store, FILE, lambda _: b"a")
    assert text(store) == b"a"


def acts() -> dict[str, Callable[[Store], object]]:
    return {
        "new": lambda store: shared.edit(store, FILE, lambda _: b"new"),
        "change": lambda store: shared.edit(store, FILE, lambda _: b"new"),
        "remove": lambda store: shared.edit(store, FILE, lambda _: None),
        "discard": lambda store: shared.discard(store, FILE),
    }


def before(root: Path, name: str) -> bytes | None:
    store = made(root)
    if name != "new":
        shared.edit(store, FILE, lambda _: b"old")
        return b"old"
    return None


@pytest.mark.parametrize("name", list(acts()))
def test_dying_anywhere_leaves_the_old_file_or_the_new_one(name: str, tmp_path: Path) -> None:
    """At each call to the disk; and the next editor is not in its way."""
    act = acts()[name]
    for number in range(200):
        root = tmp_path / str(number)
        old = before(root, name)
        healthy = CountingDisk()
        Store.open(str(root), healthy)
        disk = CrashingDisk(healthy.made + number)
        try:
            act(Store.open(str(root), disk))
        except Crash:
            store = Store.open(str(root), Disk())
            assert text(store) in {old, b"new" if name in {"new", "change"} else None}
            shared.edit(store, FILE, lambda now: (now or b"") + b"+")
            assert (text(store) or b"").endswith(b"+")
        else:
            assert number > 0
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("done", [False, True])
def test_a_rename_of_which_the_answer_was_lost(done: bool, tmp_path: Path) -> None:
    """Carried out or not: what is acknowledged is there, although the name was there before."""
    import errno

    for kind in (errno.EIO, errno.ENOENT, errno.ESTALE):
        root = tmp_path / f"{kind}"
        before(root, "change")
        disk = FailingDisk(0, kind, done=done, only={"rename"})
        try:
            shared.edit(Store.open(str(root), disk), FILE, lambda _: b"new")
        except WmctlError:
            assert text(Store.open(str(root), Disk())) in {b"old", b"new"}
        else:
            assert text(Store.open(str(root), Disk())) == b"new"


def test_what_was_swept_out_of_tmp_is_written_again(tmp_path: Path) -> None:
    """The older file has the same name: that it is there says nothing."""
    root = tmp_path / "spool"
    before(root, "change")

    class Swept(WatchedDisk):
        swept = 0

        def around(self, call: Call, go: Callable[[], object]) -> object:
            if call.name == "rename" and self.swept < 1:
                self.swept += 1
                os.unlink(call.paths[0])
            return go()

    disk = Swept()
    shared.edit(Store.open(str(root), disk), FILE, lambda _: b"new")
    assert disk.swept == 1
    assert text(Store.open(str(root), Disk())) == b"new"


def power_cuts(box: Path, forget: frozenset[str]) -> int:
    """Changes on a disk whose power fails after every call; how often it did."""
    disk, after = PowerCutDisk(str(box)), box.parent / "after"
    root = box / "spool"
    box.mkdir()
    store = Store.create(str(root), Settings(), disk)
    disk.forget = forget
    acknowledged: bytes | None = None
    coming: bytes | None = None
    cuts = 0

    def cut(call: Call) -> None:
        nonlocal cuts
        cuts += 1
        shutil.rmtree(after, ignore_errors=True)
        after.mkdir()
        disk.tree().write(str(after))
        left = after / "spool" / FILE
        found = left.read_bytes() if left.exists() else None
        assert found in {acknowledged, coming}, f"{call}: {found!r}"

    disk.watcher = cut
    for coming in (b"one", b"two", None, b"three"):
        shared.edit(store, FILE, lambda _, text=coming: text)
        acknowledged = coming
        cut(Call(0, "afterwards", ()))
    coming = None
    shared.discard(store, FILE)
    acknowledged = None
    cut(Call(0, "afterwards", ()))
    return cuts


def test_what_was_acknowledged_outlives_a_power_cut(tmp_path: Path) -> None:
    assert power_cuts(tmp_path / "box", frozenset()) > 20


@pytest.mark.parametrize("forget", ["files", "folders"])
def test_control_of_the_power_cuts(forget: str, tmp_path: Path) -> None:
    """Without either sync something acknowledged is gone."""
    with pytest.raises(AssertionError):
        power_cuts(tmp_path / "box", frozenset({forget}))


def test_a_file_system_without_locks_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written there: two hosts could lose each other's changes."""
    import errno
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(SpoolError, match="has no locks"):
        shared.edit(store, FILE, lambda _: b"a")
    monkeypatch.undo()
    assert text(store) is None


def test_threads_of_one_process_take_turns(store: Store) -> None:
    def work() -> None:
        for _ in range(20):
            shared.edit(store, FILE, lambda now: b"%d" % (int(now or b"0") + 1))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert text(store) == b"60"
