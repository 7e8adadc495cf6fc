"""Which metrics there are. Only what files can tell truthfully; each is made anew at each look."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import (
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
    UnknownMetricFamily,
)

from wmctl.cli.alerting import Alert
from wmctl.cli.status_look import Look
from wmctl.cli.tables import Item
from wmctl.cli.worker_state import Worker

#: Of a worker's beat.
_WINDOWS = ("15s", "5m", "30m")
_STATUS = {"good": 0, "degraded": 1, "down": 2}

Labels = Mapping[str, str]
Values = list[tuple[Labels, float]]


def given(look: Look, facts: Item) -> Iterator[Metric]:
    """All metrics of a spool."""
    yield from _of_workers(look.alive)
    yield from _of_queues(facts)
    yield from _of_groups(facts)
    yield from _of_alerts(look.alerts())
    yield from _of_spool(facts)


def _of_workers(workers: list[Worker]) -> Iterator[Metric]:
    """The living ones only, those for a single job too: they keep the machine busy as well."""
    yield _gauge(
        "worker_started", "1 for each worker that lives", [(_who(one), 1) for one in workers]
    )
    yield _gauge("worker_uptime", "Seconds since the worker started", _said(workers, "uptime"))
    yield _gauge(
        "worker_busy", "1 while the worker runs a job",
        [(_who(one), float(one.job is not None)) for one in workers],
    )  # fmt: skip
    yield from _executions(workers)
    yield _gauge(
        "wmctl_worker_occupancy", "Share of the window that the worker spent on jobs, 0 to 1",
        [({**_who(one), "window": window}, share)
         for one in workers for window, share in zip(_WINDOWS, _occupancy(one), strict=False)],
    )  # fmt: skip
    yield _gauge(
        "wmctl_worker_memory_bytes", "Resident memory of the worker", _said(workers, "memory_usage")
    )
    yield _gauge(
        "wmctl_worker_beat_age_seconds", "Seconds since the worker's last beat",
        [(_who(one), one.age) for one in workers],
    )  # fmt: skip


def _executions(workers: list[Worker]) -> Iterator[Metric]:
    """Counted by each worker for itself since its start, so they only rise while it lives."""
    labels = ["worker", "group", "tag"]
    duration = SummaryMetricFamily(
        "worker_execution_duration", "Seconds that executions took", labels=labels
    )
    counts: Values = []
    totals: Values = []
    for one in workers:
        for tag, (count, seconds) in _of_tags(one).items():
            own = {**_who(one), "tag": tag}
            counts.append((own, count))
            totals.append((own, seconds))
            duration.add_metric([own[name] for name in labels], int(count), seconds)
    yield _rising("worker_execution_count", "Jobs that the worker executed", counts)
    yield duration
    yield _rising(
        "worker_execution_duration_counter", "Seconds that executions took in all", totals
    )


def _of_queues(facts: Item) -> Iterator[Metric]:
    for name, key, help_text in (
        ("queue_count", "waiting", "Jobs that are due and wait"),
        ("queue_running_count", "running", "Jobs that run"),
        ("wmctl_queue_later_count", "later", "Jobs that wait for their due time"),
        ("wmctl_queue_workers", "workers", "Live workers that serve the tag"),
    ):
        yield _gauge(name, help_text, [({"tag": one["tag"]}, one[key]) for one in facts["tags"]])
    yield _gauge(
        "wmctl_queue_oldest_wait_seconds", "How long the job waits that waits longest",
        [({"tag": one["tag"]}, one["oldest_wait"] or 0) for one in facts["tags"]],
    )  # fmt: skip


def _of_groups(facts: Item) -> Iterator[Metric]:
    yield _gauge(
        "wmctl_group_alive_workers", "Live workers of the group",
        [({"group": one["group"]}, one["alive"]) for one in facts["groups"]],
    )  # fmt: skip
    yield _gauge(
        "wmctl_group_min_alive_workers", "Below which an alert fires",
        [({"group": one["group"]}, one["threshold"])
         for one in facts["groups"] if one["threshold"] is not None],
    )  # fmt: skip


def _of_alerts(alerts: list[Alert]) -> Iterator[Metric]:
    yield _gauge(
        "wmctl_alert", "1 while the alert fires",
        [({"name": one.name, "kind": one.kind, "of": one.of}, float(one.fires)) for one in alerts],
    )  # fmt: skip


def _of_spool(facts: Item) -> Iterator[Metric]:
    states = ("suspended", "held", "quarantined")
    yield _gauge(
        "wmctl_jobs", "Jobs that wait for something else, or for a person",
        [({"state": state}, facts[state]) for state in states],
    )  # fmt: skip
    yield _gauge(
        "wmctl_ended_last_hour", "Jobs that ended within the last hour",
        [({"outcome": "failure"}, facts["failures_last_hour"]),
         ({"outcome": "other"}, facts["ended_last_hour"] - facts["failures_last_hour"])],
    )  # fmt: skip
    yield _gauge("wmctl_dead_workers", "Workers that died and are still there",
                 [({}, facts["workers"]["dead"])])  # fmt: skip
    free = facts["spool"]["free_bytes"]
    yield _gauge(
        "wmctl_spool_free_bytes", "Bytes that are free on the spool's disk",
        [] if free is None else [({}, free)],
    )  # fmt: skip
    yield _gauge(
        "wmctl_status", "As wmctl status says: 0 good, 1 degraded, 2 no worker is alive",
        [({}, _STATUS[facts["status"]])],
    )  # fmt: skip


def _gauge(name: str, help_text: str, values: Values) -> Metric:
    return _filled(GaugeMetricFamily(name, help_text), values)


def _rising(name: str, help_text: str, values: Values) -> Metric:
    """A counter under Windmill's name: a typed one would have to end with `_total`."""
    return _filled(UnknownMetricFamily(name, help_text), values)


def _filled(metric: Metric, values: Values) -> Metric:
    for labels, value in values:
        metric.add_sample(metric.name, dict(labels), value)
    return metric


def _who(worker: Worker) -> dict[str, str]:
    return {"worker": worker.name, "group": ",".join(worker.groups)}


def _said(workers: list[Worker], key: str) -> Values:
    """A figure of the beats; workers of older versions do not say it."""
    return [
        (_who(one), value)
        for one in workers
        if isinstance(value := one.content.get(key), int | float)
    ]


def _occupancy(worker: Worker) -> list[float]:
    shares = worker.content.get("occupancy")
    if not isinstance(shares, list):
        return []
    return [share for share in shares if isinstance(share, int | float)]


def _of_tags(worker: Worker) -> Mapping[str, tuple[float, float]]:
    """How many jobs of each tag it executed, and how long that took."""
    found: Any = worker.content.get("executions")
    return {
        tag: (pair[0], pair[1])
        for tag, pair in (found.items() if isinstance(found, dict) else ())
        if isinstance(pair, list) and len(pair) == 2
        and all(isinstance(part, int | float) for part in pair)
    }  # fmt: skip
