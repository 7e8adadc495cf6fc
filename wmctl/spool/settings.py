"""What all processes that share a spool agree on: `spool.json`, read once when it is opened."""

from dataclasses import dataclass, fields
from typing import Any

from wmctl.errors import BadInput, ConfigError, SpoolFormat, SpoolNotFound
from wmctl.spool import fs, strict
from wmctl.spool.fs import Disk, Trust
from wmctl.spool.name import MAJOR

SETTINGS_FILE = "spool.json"
_CAP = 64 << 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all processes that share a spool must agree on (`spool.json`)."""

    format: int = MAJOR
    #: Seconds without a beat after which a worker is dead, and between beats.
    lease: float = 60.0
    beat: float = 5.0
    #: `durable`, or `none` for spools that need not outlive a power cut.
    durability: str = "durable"
    #: Mode of job files, in octal: `0600` for one user, `0660` for a group.
    file_mode: str = "0600"
    #: Seconds that finished jobs are kept.
    retention: float = 30 * 86400.0

    def __post_init__(self) -> None:
        if self.durability not in ("durable", "none"):  # a tuple: JSON may hold a list here
            raise BadInput(f"durability is 'durable' or 'none', not {self.durability!r}")
        if self.file_mode not in ("0600", "0640", "0660"):
            raise BadInput(f"file_mode is '0600', '0640' or '0660', not {self.file_mode!r}")
        for name in ("lease", "beat", "retention"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise BadInput(f"{name} is a number of seconds above 0, not {value!r}")
        if self.lease < 3 * self.beat:
            raise BadInput(
                f"lease ({self.lease:g} s) must be at least three beats of {self.beat:g} s"
            )

    @property
    def mode(self) -> int:
        """Mode of files, as a number."""
        return int(self.file_mode, 8)

    @property
    def folder_mode(self) -> int:
        """Mode of folders: whoever may read may also enter; a group's folders are setgid."""
        mode = self.mode | (self.mode & 0o444) >> 2
        return mode | 0o2000 if mode & 0o070 else mode


def read_settings(root: str, disk: Disk) -> Settings:
    """SpoolNotFound where there is none, SpoolFormat where a newer wmctl made it."""
    path = f"{root}/{SETTINGS_FILE}"
    with fs.translated("open the spool"):
        found = fs.present(disk, path)
    if not found:
        raise SpoolNotFound(
            f"{root} is not a spool: it holds no {SETTINGS_FILE}",
            hint=f"make one with: wmctl init {root}   (is a network folder not mounted?)",
        )
    with fs.translated("open the spool"):
        text = fs.read_checked(disk, path, _CAP, Trust(None, 0o002))
    try:
        content = strict.loads_object(text, path)
    except BadInput as error:
        raise ConfigError(error.message) from None
    return _settings(content, path)


def _settings(content: dict[str, Any], path: str) -> Settings:
    number = content.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ConfigError(f'{path}: "format" must be a whole number, not {number!r}')
    if number > MAJOR:
        raise SpoolFormat(
            f"{path}: the spool has format {number}; this wmctl reads {MAJOR}",
            hint="install a newer wmctl on this host",
        )
    known = {item.name for item in fields(Settings)}
    try:
        return Settings(**{key: value for key, value in content.items() if key in known})
    except BadInput as error:
        raise ConfigError(f"{path}: {error.message}") from None
