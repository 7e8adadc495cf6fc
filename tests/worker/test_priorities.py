"""Which job comes first: its tag's rank in the worker's group, then its priority, then its age."""

from tests.worker.bench import Bench, order
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed

TAGS = {"fast": 9, "slow": 0}
#: One pick in so many takes the oldest, whatever its tag and priority.
FAIR = 16


def submit(bench: Bench, tag: str, priority: int = 0) -> str:
    return bench.submit(language="quick", tag=tag, priority=priority)


def test_tag_before_priority_before_age(bench: Bench) -> None:
    """As Windmill's `priority_tags`."""
    bench.direct("quick", lambda _: Completed())
    wanted = [("slow", 0), ("slow", 100), ("fast", 0), ("fast", 3), ("slow", 0), ("fast", 3)]
    jobs = [submit(bench, *one) for one in wanted]
    bench.run(tags=TAGS)
    assert order(bench) == [jobs[number] for number in (3, 5, 2, 1, 0, 4)]


def test_under_constant_load_of_the_first_the_last_gets_its_turn(bench: Bench) -> None:
    """Every job of the better tag and the highest priority brings the next two."""
    left = 400

    def breed(_: RunContext) -> Completed:
        nonlocal left
        for _ in range(2):
            if left:
                left -= 1
                submit(bench, "fast", 100)
        return Completed()

    bench.direct("quick", breed)
    submit(bench, "fast", 100)
    last = submit(bench, "slow")
    worker = bench.worker(tags=TAGS, max_jobs=3 * FAIR)
    assert worker.run() == 0
    assert left > 0
    assert last in order(bench)[: 2 * FAIR]


def test_it_is_the_oldest_and_not_chance(bench: Bench) -> None:
    """The negative control: without the fair pick it would wait until the load ends."""
    bench.direct("quick", lambda _: Completed())
    last = submit(bench, "slow")
    many = [submit(bench, "fast", 100) for _ in range(2 * FAIR)]
    bench.run(tags=TAGS)
    ran = order(bench)
    assert ran.index(last) == FAIR - 1
    assert [one for one in ran if one != last] == many
