"""A worker counts what it executes, tag by tag, and its beat has room for it."""

import json

from tests.worker.bench import Bench, eventually
from wmctl.spool import Settings, Spool
from wmctl.spool.beats import BEAT_SIZE
from wmctl.spool.workers import encode_beat
from wmctl.worker import account


def test_executions_are_counted_by_tag(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    bench.submit("sleep 0.05")
    bench.submit("exit 1")
    bench.submit(tag="other")
    worker = bench.worker(burst=False, tags={"bash": 0, "other": 0})
    with bench.running(worker):
        eventually(lambda: bench.beat().get("executions", {}).get("other"))
        eventually(lambda: bench.beat()["executions"].get("bash", [0])[0] == 2)
        beat = bench.beat()
    assert {tag: pair[0] for tag, pair in beat["executions"].items()} == {"bash": 2, "other": 1}
    assert 0.05 <= beat["executions"]["bash"][1] <= beat["uptime"] + 0.1


def test_a_beat_of_many_long_tags_drops_the_figures_first() -> None:
    tags = [f"{number}" + "x" * 100 for number in range(account._TAGS)]
    said = {"tags": tags, "executions": {tag: [1, 2.0] for tag in tags * 3}}
    whole = json.loads(encode_beat("w", said))
    assert len(whole["executions"]) == account._TAGS, "twenty usually fit"
    more = {**said, "tags": [f"{tag}{number}" for number in range(3) for tag in tags]}
    text = encode_beat("w", more)
    assert len(text) == BEAT_SIZE
    found = json.loads(text)
    assert (found["executions"], found["tags"]) == ({}, more["tags"])
    assert "cut" not in found
