"""alerts.yaml: what each key means, and what is refused with file and line."""

from pathlib import Path

import pytest

from wmctl.config import alerts
from wmctl.config.alerts import COOLDOWN, Alerts, Row
from wmctl.config.shared import Document
from wmctl.errors import ConfigError
from wmctl.spool import Settings
from wmctl.spool.fs import Disk
from wmctl.spool.store import Store

WHOLE = """\
command: mail -s wmctl ops
alert_cooldown_seconds: 60
alerts:
- name: backlog
  tags_to_monitor: [bash, 3.10, on]
  jobs_num_threshold: 10
  alert_time_threshold_seconds: 300
  alert_cooldown_seconds: 900
  command: [notify, --level, 1.50, true]
- {name: any, tags_to_monitor: [gpu], jobs_num_threshold: 1}
"""


def parse(text: str) -> Alerts:
    return alerts.parse(Document(text.encode(), "v", "alerts.yaml"))


def test_every_key() -> None:
    found = parse(WHOLE)
    shell = ("/bin/sh", "-c", "mail -s wmctl ops")
    backlog, other = found.rows
    assert backlog == Row(
        name="backlog",
        tags_to_monitor=("bash", "3.10", "on"),
        jobs_num_threshold=10,
        alert_time_threshold_seconds=300,
        alert_cooldown_seconds=900,
        command=("notify", "--level", "1.50", "true"),
        origin="alerts.yaml:4",
    )
    assert (other.command, other.alert_cooldown_seconds) == (shell, 60)
    assert (found.command, found.alert_cooldown_seconds, found.has_commands) == (shell, 60, True)


def test_nothing_is_said() -> None:
    for text in ("", "# later\n", "alerts: []\n"):
        found = parse(text)
        assert (found.rows, found.command, found.alert_cooldown_seconds) == ((), None, COOLDOWN)
        assert not found.has_commands


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("alert: []", 1, "unknown key 'alert'"),
        ("alerts:\n- name: a\n  tags_to_monitor: [b]", 2, "needs jobs_num_threshold"),
        ("alerts:\n- name: a\n  jobs_num_threshold: 1", 2, "needs tags_to_monitor"),
        ("alerts:\n- {tags_to_monitor: [b], jobs_num_threshold: 1}", 2, "needs name"),
        ("alerts:\n- {name: a, tags_to_monitor: [], jobs_num_threshold: 1}", 2, "names no tag"),
        ("alerts:\n- {name: a, tags_to_monitor: [b], jobs_num_threshold: 0}", 2, "not from 1"),
        ("alerts:\n- {name: a, tags_to_monitor: [x-$workspace], jobs_num_threshold: 1}", 2, "tag"),
        ("alerts:\n- {name: a, tags_to_monitor: ['g(w)'], jobs_num_threshold: 1}", 2, "who may"),
        ("alerts:\n- {name: a, tags_to_monitor: [b], jobs_num_treshold: 1}", 2, "unknown key"),
        ("\ncommand: ''", 2, "names no program"),
        ("command: []", 1, "names no program"),
        ("command: {a: b}", 1, "single value"),
        ("command: ~", 1, "no value"),
        ("alert_cooldown_seconds: 1h", 1, "not a whole number"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, where: int, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        parse(text)
    assert f"alerts.yaml:{where}" in str(caught.value)


def test_two_alerts_of_one_name() -> None:
    row = "- {name: a, tags_to_monitor: [b], jobs_num_threshold: 1}\n"
    with pytest.raises(ConfigError, match=r"alerts.yaml:3: the alert 'a' stands in line 2 too"):
        parse(f"alerts:\n{row}{row}")


def test_commands_that_others_may_write_are_not_run(tmp_path: Path) -> None:
    store = Store.create(str(tmp_path / "spool"), Settings(file_mode="0660"), Disk())
    path = tmp_path / "spool" / "alerts.yaml"
    path.write_text(WHOLE)
    path.chmod(0o644)
    alerts.must_be_ours(store, alerts.load(store))
    read = alerts.load(store)
    path.chmod(0o664)
    with pytest.raises(ConfigError, match="others than you may write them"):
        alerts.must_be_ours(store, read)
    path.chmod(0o644)
    path.write_text(WHOLE.replace("ops", "evil"))  # between two looks
    with pytest.raises(ConfigError, match="are not run"):
        alerts.must_be_ours(store, read)
