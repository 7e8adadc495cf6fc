"""The environment of a job."""

from typing import Any

from wmctl.runner.environment import RESERVED, job_environment
from wmctl.spool.job import Job

ID = "0193a5c0-7b1e-7abc-8def-0123456789ab"
OTHER = "0193a5c0-7b1e-7abc-8def-0123456789ac"


def environment(host: dict[str, str] | None = None, job: Job | None = None, **more: Any) -> Any:
    """The environment of a job with the usual things."""
    return job_environment(
        job or Job(language="bash", code=""),
        id=ID,
        tag="bash",
        attempt=2,
        worker="wk-default-host-abcde",
        group="default",
        host_env=host or {},
        **more,
    )


def test_nothing_of_the_host_but_what_is_allowed() -> None:
    """Basics, LC_*, and the names that were listed."""
    host = {
        "PATH": "/bin",
        "HOME": "/h",
        "LC_ALL": "C",
        "TOKEN": "x",
        "A": "1",
        "WMCTL_SPOOL": "/s",
    }
    found = environment(host, allow=frozenset({"A", "B"}))
    assert set(found) - set(RESERVED) == {"PATH", "HOME", "LC_ALL", "A"}
    assert environment()["PATH"]
    assert environment()["HOME"]


def test_every_reserved_variable_is_set() -> None:
    """Empty where there is nothing to say."""
    found = environment()
    assert set(RESERVED) <= set(found)
    assert found["WM_JOB_ID"] == found["WM_ROOT_JOB_ID"] == ID
    assert (found["WM_ATTEMPT"], found["WM_TAG"], found["WM_WORKSPACE"]) == ("2", "bash", "default")
    assert found["WM_WORKER"] == "wk-default-host-abcde"
    assert found["WM_WORKER_GROUP"] == "default"
    assert found["WM_TOKEN"] == found["WM_FLOW_JOB_ID"] == found["BASE_INTERNAL_URL"] == ""


def test_a_step_of_a_flow() -> None:
    """Parent, root, step and state path."""
    job = Job(
        language="bash", code="", parent=OTHER, root=OTHER, flow_path="f/x/flow", step_id="b",
        path="f/x/flow/b", created_by="ann",
    )  # fmt: skip
    found = environment(job=job)
    assert found["WM_FLOW_JOB_ID"] == found["WM_ROOT_FLOW_JOB_ID"] == OTHER
    assert found["WM_FLOW_STEP_ID"] == "b"
    assert found["WM_STATE_PATH"] == found["WM_STATE_PATH_NEW"] == "f/x/flow/b_user"
    assert found["WM_PERMISSIONED_AS"] == "u/ann"
    scheduled = Job(language="bash", code="", path="f/x/y", schedule_path="f/x/s", created_by="ann")
    assert environment(job=scheduled)["WM_STATE_PATH"] == "f/x/y/ann"


def test_who_wins() -> None:
    """Host, group, job; and nobody's word on who the job is."""
    host = {"PATH": "/host", "TZ": "UTC"}
    env = {"PATH": "/job", "WM_JOB_ID": OTHER, "WM_OWN": "kept"}
    job = Job(kind="command", argv=("x",), env=env)
    found = environment(host, job, extra={"TZ": "Europe/Prague", "PATH": "/group"})
    assert (found["PATH"], found["TZ"]) == ("/job", "Europe/Prague")
    assert (found["WM_JOB_ID"], found["WM_OWN"]) == (ID, "kept")


def test_proxies() -> None:
    """With the default for what needs none."""
    assert environment({"HTTPS_PROXY": "p"})["NO_PROXY"] == "localhost,127.0.0.1"
    assert environment({"https_proxy": "p", "no_proxy": "x"})["NO_PROXY"] == "x"
    assert environment({"HTTP_PROXY": "p", "NO_PROXY": "y"})["NO_PROXY"] == "y"
    assert "NO_PROXY" not in environment()
