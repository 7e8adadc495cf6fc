"""What people should be told of worker groups: where two disagree, what has no effect. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from wmctl.config import WorkerSettings
from wmctl.config.groups import Group

#: The keys of a group of which the first group's value wins.
SINGLE = (
    "init_bash", "periodic_script_bash", "periodic_script_interval_seconds", "cache_clear",
    "dedicated_workers", "additional_python_paths", "pip_local_dependencies", "env_vars_static",
    "slots",
)  # fmt: skip

#: Settings of workers that a group may give too (tags apart), and its keys for them.
TWINS = {
    "init_script": "init_bash",
    "periodic_script": "periodic_script_bash",
    "periodic_interval": "periodic_script_interval_seconds",
    "python_paths": "additional_python_paths",
    "pip_local": "pip_local_dependencies",
}


def differences(mine: Sequence[Group]) -> Iterable[str]:
    """Where the first group's word is not every group's."""
    for key in SINGLE:
        setting = [group for group in mine if group.sets(key)]
        for other in setting[1:]:
            if getattr(other, key) != getattr(setting[0], key):
                yield (
                    f"{key} differs between the groups {setting[0].name} and {other.name}:"
                    f" {setting[0].name}'s is used"
                )
        if setting and setting[0] is not mine[0]:
            yield f"{key} is set by the group {setting[0].name}, not by {mine[0].name}: it is used"
    for tag in dict.fromkeys(tag for group in mine for tag in group.priority_tags):
        ranking = [group for group in mine if tag in group.priority_tags]
        if len({group.priority_tags[tag] for group in ranking}) > 1:
            first = ranking[0]
            yield (
                f"the priority of the tag {tag!r} differs between the groups"
                f" {', '.join(group.name for group in ranking)}: {first.name}'s is used,"
                f" {first.priority_tags[tag]}"
            )


def notes(
    settings: WorkerSettings, mine: Sequence[Group], files: Mapping[str, Group]
) -> Iterable[str]:
    """What is not as somebody may think it is."""
    for group in mine:
        if group.name not in files and group.name != "default":
            yield (
                f"there is no group {group.name} in this spool: its workers have the default"
                f" configuration (wmctl group create {group.name})"
            )
        if group.worker_tags is not None and group.dedicated_workers:
            yield (
                f"{group.where('dedicated_workers')}: dedicated_workers adds no tags where"
                " worker_tags is set"
            )
    yield from _unused(settings, mine)


def _unused(settings: WorkerSettings, mine: Sequence[Group]) -> Iterable[str]:
    """What is set twice: the group's value where a variable is set, or the other way round."""
    for name, key in {"tags": "worker_tags", **TWINS}.items():
        group = next((group for group in mine if group.sets(key)), None)
        if group is None or getattr(settings, name) is None:
            continue
        origin, where = settings.origins[name], group.where(key)
        if name in settings.above:
            yield f"{key} of {where} is not used: {origin} wins"
        elif name != "tags" or not _adds_own(mine):
            yield f"{origin} is not used: {key} of {where} wins"


def _adds_own(mine: Sequence[Group]) -> bool:
    """Whether the tags of variables and files are served besides those of the groups."""
    return any(
        group.name == "default" or (group.worker_tags is None and not group.dedicated_workers)
        for group in mine
    )


def of_group(group: Group) -> tuple[str, ...]:
    """What is not wrong in its file, and perhaps not what was meant."""
    found = []
    unserved = [tag for tag in group.priority_tags if tag not in (group.worker_tags or (tag,))]
    if unserved:
        found.append(
            f"{group.where('priority_tags')}: {', '.join(unserved)} is not among worker_tags"
        )
    if group.worker_tags == () and group.name != "default":
        found.append(f"{group.where('worker_tags')}: it is empty: no worker could start")
    if group.worker_tags is not None and group.dedicated_workers:
        found.append(
            f"{group.where('dedicated_workers')}: dedicated_workers adds no tags where worker_tags"
            " is set"
        )
    if group.sets("periodic_script_interval_seconds") and not group.periodic_script_bash:
        found.append(
            f"{group.where('periodic_script_interval_seconds')}: there is no periodic_script_bash"
        )
    both = [name for name in group.env_vars_allowlist if name in (group.env_vars_static or {})]
    if both:
        found.append(
            f"{group.where('env_vars_allowlist')}: {', '.join(both)} is in env_vars_static too,"
            " and its value there is used"
        )
    return tuple(found)
