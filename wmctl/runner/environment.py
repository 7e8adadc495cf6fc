"""The environment of a job: built from nothing plus an allow list, so that no host secret leaks."""

import os
from collections.abc import Iterable, Mapping

from wmctl.spool.job import Job

#: What every job gets of the worker's environment, where it is set there (and LC_*).
BASIC = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
#: Windmill's default, once a proxy is set.
NO_PROXY = "localhost,127.0.0.1"
#: Windmill's reserved variables; those that wmctl has no value for are set and empty.
RESERVED = (
    "WM_WORKSPACE", "WM_TOKEN", "WM_EMAIL", "WM_USERNAME", "WM_BASE_URL", "WM_JOB_ID",
    "WM_SCHEDULED_FOR", "WM_JOB_PATH", "WM_FLOW_JOB_ID", "WM_ROOT_FLOW_JOB_ID", "WM_ROOT_JOB_ID",
    "WM_FLOW_PATH", "WM_FLOW_STEP_ID", "WM_SCHEDULE_PATH", "WM_PERMISSIONED_AS", "WM_STATE_PATH",
    "WM_STATE_PATH_NEW", "WM_OBJECT_PATH", "WM_WORKER_GROUP", "WM_RUNNABLE_ID",
    "WM_END_USER_EMAIL", "WM_ROOT_WORKSPACE", "WM_ATTEMPT", "WM_TAG", "WM_WORKER",
    "BASE_INTERNAL_URL",
)  # fmt: skip


def job_environment(
    job: Job,
    *,
    id: str,
    tag: str,
    attempt: int,
    worker: str,
    group: str,
    host_env: Mapping[str, str],
    allow: Iterable[str] = (),
    extra: Mapping[str, str] | None = None,
    scheduled_for: str = "",
) -> dict[str, str]:
    """Everything the job's process will see.

    `allow` names further host variables (WHITELIST_ENVS), `extra` is the worker group's own
    environment. Later wins: host, group, the job's own, and last the reserved variables, which
    a job that was submitted from within another job must not inherit.
    """
    return {
        **_host(host_env, allow),
        **(extra or {}),
        **job.env,
        **dict.fromkeys(RESERVED, ""),
        **_identity(job, id),
        "WM_SCHEDULED_FOR": scheduled_for,
        "WM_ATTEMPT": str(attempt),
        "WM_TAG": tag,
        "WM_WORKER": worker,
        "WM_WORKER_GROUP": group,
    }


def _host(host_env: Mapping[str, str], allow: Iterable[str]) -> dict[str, str]:
    names = [*BASIC, *PROXIES, *allow, *(name for name in host_env if name.startswith("LC_"))]
    found = {name: host_env[name] for name in names if name in host_env}
    if any(found.get(name) for name in PROXIES if "no" not in name.lower()):
        found.setdefault("NO_PROXY", found.get("no_proxy", NO_PROXY))
    return {"PATH": os.defpath, "HOME": "/", **found}


def _identity(job: Job, id: str) -> dict[str, str]:
    user = job.created_by or ""
    path = job.path or ""
    return {
        "WM_WORKSPACE": job.workspace,
        "WM_ROOT_WORKSPACE": job.workspace,
        "WM_USERNAME": user,
        "WM_PERMISSIONED_AS": f"u/{user}" if user else "",
        "WM_JOB_ID": id,
        "WM_JOB_PATH": path,
        "WM_FLOW_JOB_ID": job.parent or "",
        "WM_ROOT_FLOW_JOB_ID": (job.root or "") if job.parent else "",
        "WM_ROOT_JOB_ID": job.root or id,
        "WM_FLOW_PATH": job.flow_path or "",
        "WM_FLOW_STEP_ID": job.step_id or "",
        "WM_SCHEDULE_PATH": job.schedule_path or "",
        "WM_STATE_PATH": _state_path(job, user),
        "WM_STATE_PATH_NEW": _state_path(job, user),
    }


def _state_path(job: Job, user: str) -> str:
    """Where a script keeps its state between runs; scheduled runs have a state of their own."""
    trigger = user if job.schedule_path and user else "user"
    if job.flow_path:
        return f"{job.flow_path}/{job.step_id or 'nostep'}_{trigger}"
    return f"{job.path}/{trigger}" if job.path else ""
