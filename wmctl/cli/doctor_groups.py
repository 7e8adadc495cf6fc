"""What `wmctl doctor` says of the files of worker groups."""

from collections.abc import Iterator

from wmctl.cli.finding import Finding
from wmctl.cli.session import Session
from wmctl.config import groups, shared
from wmctl.config.remarks import of_group
from wmctl.errors import ConfigError


def groups_(session: Session) -> Iterator[Finding]:
    """Those that are wrong, what is odd in the others, and files that nobody reads."""
    store = session.store
    found = groups.load_all(store)
    wrong = {name: one for name, one in found.items() if isinstance(one, ConfigError)}
    for name, error in wrong.items():
        yield Finding(
            "groups", "fault", f"the group {name} is as last read, or as if it were not there:"
            f" {error.message}", error.hint or f"wmctl group edit {name}",
        )  # fmt: skip
    for one in found.values():
        if not isinstance(one, ConfigError):
            for remark in of_group(one):
                yield Finding("groups", "note", remark, f"wmctl group edit {one.name}")
    for item in store.disk.scan(store.path(groups.FOLDER)):
        if not item.name.endswith(shared.SUFFIX) and not item.name.endswith(("~", ".swp")):
            yield Finding("groups", "note", f"{item.path} is read by nobody", "name it GROUP.yaml")
    if len(found) > len(wrong):
        fine = ", ".join(name for name in found if name not in wrong)
        yield Finding("groups", "ok", f"with a file: {fine}")
