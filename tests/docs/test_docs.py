"""The docs cannot rot: examples run, the lifecycle is that of the code, words and links exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import ROOT, differs, examples, files, run
from wmctl.cli.app import Root
from wmctl.spool import STATES, Disk, Job, Name, Spool, bucket, decode_tag, encode_tag
from wmctl.spool.creation import FOLDERS
from wmctl.spool.job import from_json
from wmctl.spool.name import parse
from wmctl.spool.settings import Settings

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
LIFECYCLE = DOCS / "explanation" / "lifecycle.md"
FORMAT = DOCS / "reference" / "spool-format.md"


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n((?:.*\n)*?)```$", text, re.MULTILINE)


# Examples.


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/tutorial.md",
        "docs/how-to/alerts-and-metrics.md",
        "docs/how-to/keep-workers-running.md",
        "docs/how-to/cron-without-overlap.md",
        "docs/how-to/ci-step.md",
        "docs/how-to/one-gpu-per-job.md",
        "docs/how-to/limit-a-rate.md",
        "docs/how-to/worker-groups.md",
        "docs/how-to/staging-and-prod.md",
        "docs/how-to/move-here.md",
    ],
)
def test_console_examples(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    for name, content in files(text).items():
        (folder / name).write_text(content, encoding="utf-8")
    found = examples(text)
    assert found

    printed = run([example.command for example in found], folder)

    assert len(printed) == len(found)
    for example, lines in zip(found, printed, strict=True):
        shown = "\n".join([f"$ {example.command}", *lines])
        assert not differs(example.expected, lines), f"{page}:{example.line} prints\n{shown}"


def test_the_comparison_sees_differences() -> None:
    assert not differs(["a 1.5s ...", "...", "z"], ["a 20ms b c", "x", "y", "z"])
    for expected, printed in (
        (["a"], ["b"]),
        (["a"], []),
        ([], ["a"]),
        (["a"], ["a", "b"]),
        (["exit 4"], ["exit 5"]),
        (["0193a5c0-7b1e-7abc-8def-0123456789ab ok"], ["0193a5c0 ok"]),
    ):
        assert differs(expected, printed), (expected, printed)


def test_python_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks(DOCS / "how-to" / "use-from-python.md", "python")
    assert found
    for number, code in enumerate(found):
        exec(compile(code, f"example {number}", "exec"), {})


def test_hooks_are_documented() -> None:
    page = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")
    spec = ast.parse((ROOT / "wmctl" / "plugin" / "spec.py").read_text(encoding="utf-8"))
    hooks = {
        f"{node.name}({', '.join(arg.arg for arg in node.args.args)})"
        for node in spec.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("wmctl_")
    }
    assert set(re.findall(r"^## (wmctl_.*)$", page, re.MULTILINE)) == hooks
    for code in blocks(DOCS / "reference" / "hooks.md", "python"):
        exec(compile(code, "hooks.md", "exec"), {})


# The lifecycle.

_STATE_OF = {
    "tmp": "[*]",
    "queue": "queued",
    "running": "running",
    "suspended": "suspended",
    "held": "held",
    "quarantine": "quarantined",
    "completed": "completed",
}
_MARKER = '{"by":"me","reason":"test","at":"2026-11-23T00:00:00.000Z"}\n'


class Watched(Disk):
    """Notes the renames and removals of job files as arrows of the verb in hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.verb = ""
        self.arrows: set[tuple[str, str, str]] = set()

    def rename(self, source: str, target: str) -> None:
        super().rename(source, target)
        here, there = self.state(source) or "?", self.state(target)
        if there is not None:
            # Who ends a job, and who submits one, wakes others in passing.
            verb = "wake" if (here, there) == ("suspended", "queued") else self.verb
            self.arrows.add((here, there, verb))
        elif here == "quarantined":  # into the trash
            self.arrows.add((here, "[*]", self.verb))

    def unlink(self, path: str) -> None:
        super().unlink(path)
        if self.state(path) == "completed":
            self.arrows.add(("completed", "[*]", self.verb))

    def state(self, path: str) -> str | None:
        """The state that a path means, if a job file lies there."""
        top, _, rest = path.removeprefix(f"{self.root}/").partition("/")
        return _STATE_OF.get(top) if rest and not path.endswith(".reason") else None


class Life:
    """Jobs brought into each state, so that each verb can be watched from there."""

    def __init__(self, folder: Path) -> None:
        self.disk = Watched(folder)
        self.spool = Spool.create(folder, Settings(durability="none"), disk=self.disk)
        self.spool.join("w", {})

    def name(self, job_id: str) -> Name:
        return self.spool.find(job_id).name

    def queued(self) -> str:
        self.disk.verb = "submit"
        return self.spool.submit(Job(language="bash", code="true"), tag="bash")

    def claimed(self):
        entry = self.spool.find(self.queued())
        self.disk.verb = "claim"
        claim = self.spool.claim("w", entry.name, entry.path, lambda _name, _job: None)
        assert claim is not None
        return claim

    def spoilt(self, text: str = "no job") -> str:
        job_id = self.queued()
        Path(self.spool.find(job_id).path).write_text(text)
        return job_id

    def in_state(self, state: str) -> str:
        if state == "queued":
            return self.queued()
        if state == "held":
            job_id = self.queued()
            self.disk.verb = "hold"
            assert self.spool.hold(self.spool.find(job_id), "why")
            return job_id
        claim = self.claimed()
        self.disk.verb = "suspend"
        assert self.spool.suspend(claim)
        return claim.id


def performed(folder: Path) -> set[tuple[str, str, str]]:
    """Every rename of a job file that the verbs can do, as arrows."""
    life = Life(folder)
    spool, disk = life.spool, life.disk

    for verb in ("retry", "release", "finish"):
        claim = life.claimed()
        disk.verb = verb
        if verb == "finish":
            assert spool.finish(claim, "success", {"result": None})
        else:
            assert getattr(spool, verb)(claim)
    for state in ("queued", "suspended", "held"):
        job_id = life.in_state(state)
        disk.verb = "cancel"
        assert spool.cancel(job_id) == "canceled"
    for verb, state in (("wake", "suspended"), ("unhold", "held"), ("hold", "suspended")):
        entry = spool.find(life.in_state(state))
        disk.verb = verb
        assert spool.hold(entry, "why") if verb == "hold" else getattr(spool, verb)(entry)
    for fields in ({"hold": True}, {"concurrency_key": "k", "concurrent_limit": 1}):
        disk.verb = "submit"
        one = spool.submit(Job(language="bash", code="true", **fields), tag="bash")
    entry = spool.find(one)
    disk.verb = "claim"
    claim = spool.claim("w", entry.name, entry.path, lambda _name, _job: None)
    assert claim is not None
    limited = Job(language="bash", code="true", hold=True, concurrency_key="k", concurrent_limit=1)
    disk.verb = "submit"
    entry = spool.find(spool.submit(limited, tag="bash"))
    disk.verb = "unhold"
    assert spool.unhold(entry)
    disk.verb = "wake"
    assert spool.wake(spool.find(entry.id))
    entry = spool.find(entry.id)
    disk.verb = "claim"
    assert spool.claim("w", entry.name, entry.path, lambda _name, _job: None) is None
    disk.verb = "finish"
    assert spool.finish(claim, "success", {"result": None})
    entry = spool.find(life.queued())
    disk.verb = "reschedule"
    assert spool.reschedule(entry, entry.name.scheduled_for)
    disk.verb = "move"
    assert spool.move(spool.find(entry.id), "gpu")

    job_id = life.spoilt()
    entry = spool.find(job_id)
    disk.verb = "claim"
    assert spool.claim("w", entry.name, entry.path, lambda _name, _job: None) is None
    (stray,) = spool.strays()
    disk.verb = "discard"
    spool.discard(stray)
    job_id = life.queued()
    path = Path(spool.find(job_id).path)
    path.chmod(0o666)
    entry = spool.find(job_id)
    disk.verb = "claim"
    assert spool.claim("w", entry.name, entry.path, lambda _name, _job: None) is None
    Path(spool.find(job_id).path).chmod(0o600)
    (stray,) = spool.strays()
    disk.verb = "readmit"
    assert spool.readmit(stray)
    entry = spool.find(life.queued())
    (spool.path / "control" / "cancel" / entry.id).write_text(_MARKER)
    (spool.path / "control" / "cancel" / entry.id).chmod(0o600)
    disk.verb = "claim"
    assert spool.claim("w", entry.name, entry.path, lambda _name, _job: None) is None

    lost, bad = life.claimed(), life.claimed()
    Path(bad.path).write_text("no job")
    disk.verb = "rescue"
    assert dict(spool.rescue("w")) == {lost.id: "queued"}
    spool.join("w2", {})
    entry = spool.find(life.queued())
    worn = entry.name.but(claims=9, lost=3)
    path = spool.path / "running" / "w2" / worn.file
    Path(entry.path).rename(path)
    log = Path(spool.store.log(worn.id, worn.claims))
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("it had started\n")
    disk.verb = "rescue"
    assert dict(spool.rescue("w2")) == {worn.id: "held"}

    disk.verb = "prune"
    assert spool.prune(older_than=0).jobs > 0
    return disk.arrows


def drawn() -> set[tuple[str, str, str]]:
    [diagram] = blocks(LIFECYCLE, "mermaid")
    arrows = re.findall(r"^\s+(\S+) --> (\S+): (\w+)$", diagram, re.MULTILINE)
    assert len(arrows) == diagram.count("-->") == len(set(arrows))
    return set(arrows)


def test_the_lifecycle_is_that_of_the_code(tmp_path: Path) -> None:
    # A beat renames nothing: it is the one arrow that is no rename.
    assert performed(tmp_path / "spool") == drawn() - {("running", "running", "beat")}


def test_each_arrow_is_a_function() -> None:
    for _, _, verb in drawn():
        assert callable(getattr(Spool, verb)), verb
    text = FORMAT.read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert {verb for _, _, verb in drawn()} <= set(re.findall(r"\w+", headings))


# The format.


def test_examples_of_the_format(tmp_path: Path) -> None:
    text = FORMAT.read_text(encoding="utf-8")
    [file] = set(re.findall(r"queue/bash/(\S+\.json)", text))
    name = parse(file, "bash")
    assert name is not None
    assert bucket(name.id) in text
    for tag, folder in re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", text, re.MULTILINE):
        assert (encode_tag(tag), decode_tag(folder)) == (folder, tag)
    smallest = re.findall(r'^    (\{"language".*\})$', text, re.MULTILINE)[0]
    assert from_json(smallest.encode()).code == "echo hello\n"
    settings = re.findall(r'^    (\{"format".*\})$', text, re.MULTILINE)[0]
    Spool.create(tmp_path / "s")
    assert (tmp_path / "s" / "spool.json").read_text() == f"{settings}\n"


def test_every_field_of_a_job_is_in_the_format() -> None:
    text = FORMAT.read_text(encoding="utf-8")
    section = text[text.index("## The job file") : text.index("## Blobs")]
    columns = "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))
    documented = set(re.findall(r"`(\w+)`", columns))
    assert documented == set(Job.__dataclass_fields__) - {"extra"}


def test_every_folder_is_in_the_format() -> None:
    text = FORMAT.read_text(encoding="utf-8")
    layout = text[text.index("## Layout") : text.index("## Names")]
    for folder in FOLDERS:
        assert f"{folder}/" in layout, folder


# Words and links.


def test_words_of_the_command_line_are_in_the_glossary() -> None:
    page = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([\w ]+?) \|", page, re.MULTILINE)[1:]
    assert words == sorted(words)
    ordinary = {"ps", "show", "version"}
    states = set(STATES)
    for word in (set(Root.table) - ordinary) | states:
        assert word.rstrip("s") in words or word in words or word in page, word
    for _, _, verb in drawn():
        assert re.search(rf"\b{verb}\b", page), verb


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            yield page, target


def test_links_resolve() -> None:
    broken = []
    for page, target in links():
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(f"{relative(page)}: {target}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The headings, as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_decisions_are_numbered_short_and_linked() -> None:
    pages = sorted((DOCS / "adr").glob("*.md"))
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for number, page in enumerate(pages, 1):
        assert page.name.startswith(f"{number:04d}-")
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        parts = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"]
        assert len(text.splitlines()) <= 60
        assert f"adr/{page.name}" in index


# Figures.


def test_every_figure_has_its_command() -> None:
    """The page on speed names all benchmarks, and none that is not there."""
    page = (DOCS / "explanation" / "speed.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^    python -m tests\.benchmarks (\w+)$", page, re.MULTILINE))
    files = {path.stem for path in (ROOT / "tests" / "benchmarks").glob("[a-z]*.py")}
    assert named == files - {"measure"}


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        path = str(page.relative_to(DOCS))
        assert path == "index.md" or f"({path})" in index, path
