"""Job files: what is one, what is none, and that nothing is lost on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import Job
from wmctl.spool.job import from_json

ID = "0193a5c0-7b1e-7abc-8def-0123456789ab"
SHA = "0" * 64
OK = {"kind": "command", "argv": ["true"]}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
jobs = st.builds(
    Job,
    kind=st.just("script"),
    language=st.sampled_from(["bash", "python3", "go"]),
    code=texts,
    args=st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts, max_size=4),
    name=texts,
    workspace=st.sampled_from(["default", "a", "A.b-c_9"]),
    path=st.none() | texts,
    timeout=st.none() | st.floats(0.001, 1e8),
    retries=st.integers(0, 10_000),
    umask=st.none() | st.integers(0, 0o777),
    labels=st.lists(texts, max_size=3).map(tuple),
    env=st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), texts, max_size=3),
    root=st.none() | st.just(ID),
    key=st.none() | texts.filter(bool),
    extra=st.dictionaries(st.from_regex(r"x_[a-z]{1,8}", fullmatch=True), texts, max_size=3),
)


@given(jobs)
def test_a_job_survives_being_written_and_read(job: Job) -> None:
    text = job.to_json()
    assert text.endswith(b"}\n")
    assert text.count(b"\n") == 1
    assert from_json(text) == job


def test_defaults_are_left_out_and_unknown_keys_kept() -> None:
    text = b'{"kind":"command","argv":["a"],"later":{"x":[1]}}'
    job = from_json(text)
    assert job.extra == {"later": {"x": [1]}}
    assert job.to_json() == text + b"\n"
    assert from_json(b'{"kind":"command","argv":["a"],"extra":1}').extra == {"extra": 1}


def test_the_runner_of_a_job() -> None:
    assert Job(language="bash", code="").runner == "bash"
    assert Job(kind="command", argv=("a",)).runner == "command"


def test_the_blobs_of_a_job() -> None:
    assert Job(language="bash", code_blob=SHA, args_blob="1" * 64).blobs == (SHA, "1" * 64)


WRONG: list[dict[str, object]] = [
    {}, {"kind": "command"}, {"kind": "command", "argv": []}, {"language": "bash"},
    {"code": "x"}, {"language": "bash", "code": "x", "code_blob": SHA},
    *({**OK, "kind": value} for value in (None, 1, "", "Bash", "a-b", "x" * 41, "a\n", [], "../x")),
    *({"code": "", "language": value} for value in (None, 1, "", "B", "a b", "../x", [])),
    *({**OK, "argv": value} for value in (None, "ls", [1], [None], {"a": 1}, ["a\0b"])),
    *({**OK, "args": value} for value in (None, [], "x", 1)),
    *({**OK, "args_blob": value} for value in ("", "x", 0, False, SHA + "A", "../../x", [])),
    *({"language": "bash", "code_blob": value} for value in ("", 0, "zz", "../../../etc/passwd")),
    *({**OK, "workspace": value}
      for value in (None, "", "/../", "a/b", "a\n", "x" * 300, "-a", ".a", "a.", "é", 1)),
    *({**OK, "timeout": value} for value in (0, -1, True, "5", [], 1e9, 10**30)),
    *({**OK, "retries": value} for value in (None, -1, True, 1.5, "1", 10_001)),
    *({**OK, "umask": value} for value in (-1, 0o1000, True, "022")),
    *({**OK, "env": value}
      for value in (None, [], {"": "x"}, {"A=B": "x"}, {"A": 1}, {"A": "\0"}, {"\0": "x"})),
    *({**OK, "cwd": value} for value in ("", "x", "../x", "/a\0", 1)),
    *({**OK, name: value} for name in ("parent", "root", "retry_of")
      for value in ("", "x", 1, ID.upper(), f"{ID}\n", "../" + ID)),
    *({**OK, name: value} for name in ("name", "path", "created_at", "key", "step_id")
      for value in (1, [], {}, True, "x" * 201)),
    *({**OK, "labels": value} for value in (None, "x", [1], {})),
    {**OK, "name": None}, {**OK, "language": [1]},
]  # fmt: skip


@pytest.mark.parametrize("content", WRONG, ids=lambda content: json.dumps(content)[:60])
def test_what_is_no_job(content: dict[str, object]) -> None:
    with pytest.raises(MalformedJob) as caught:
        from_json(json.dumps(content).encode())
    assert caught.value.message
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"null", b"{", b'{"kind":"command","kind":"command","argv":["a"]}',
             b'{"kind":"command","argv":["a"],"args":{"x":NaN}}', b"\xff", b"[" * 10**6,
             b'{"kind":"command","argv":["\\ud800"]}'],
)  # fmt: skip
def test_hostile_text_is_no_job(text: bytes) -> None:
    with pytest.raises(MalformedJob):
        from_json(text)


@given(st.dictionaries(
    st.sampled_from([*Job.__dataclass_fields__]),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                 lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner)),
    max_size=6,
))  # fmt: skip
def test_any_object_is_a_job_or_malformed(content: dict[str, object]) -> None:
    text = json.dumps({**OK, **content}).encode()
    try:
        job = from_json(text)
    except MalformedJob:
        return
    assert from_json(job.to_json()) == job


@pytest.mark.parametrize("args", [{"x": float("nan")}, {"x": {1}}, {"x": "\udfff"}])
def test_what_json_cannot_say_is_refused(args: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Job(kind="command", argv=("a",), args=args).to_json()
