"""What the commands of one process share: settings, the spool, the plugins; each made on demand."""

import os
from functools import cached_property
from typing import TYPE_CHECKING, cast

from wmctl import config
from wmctl.cli import output
from wmctl.errors import SpoolNotFound

if TYPE_CHECKING:
    import typer

    from wmctl.plugin.manager import Plugins
    from wmctl.runner.tools import Tools
    from wmctl.spool.spool import Spool
    from wmctl.spool.store import Store


class Session:
    """One call of the command line."""

    def __init__(self, tail: list[str] | None = None) -> None:
        #: The words after the first `--` (`submit` and `run`), or None where there is none.
        self.tail = tail
        #: Options of this call by setting; the command's own win over those before the command.
        self.flags: dict[str, str | None] = {}
        #: True in commands that bring jobs or workers: they make the default spool, once.
        self.makes_spool = False
        #: True in commands that exit with a job's code (`run`, `wait`).
        self.job_codes = False

    def flag(self, key: str, value: str | None) -> None:
        """An option that is a setting; None leaves it as it was."""
        if value is not None:
            self.flags[key] = value

    @cached_property
    def settings(self) -> config.Settings:
        """All settings; the flags must be known by now."""
        settings = config.load(self.flags)
        for text in settings.notes:
            output.note(text)
        return settings

    @cached_property
    def store(self) -> "Store":
        """The spool's folder. Only the default one is made; a named one must be there.

        Who only asks finds nothing in a default spool that is not there. Enough to submit: the
        verbs of `Spool` would double the time that takes.
        """
        from wmctl.spool.fs import Disk  # plugin ls and version need no spool
        from wmctl.spool.settings import Settings
        from wmctl.spool.store import Store

        path = str(self.settings.spool)
        if self.has_spool or not self.settings.spool_is_default:
            return self._with_journal(Store.open(path, Disk()))
        if not self.makes_spool:
            # Of a group's spool nobody asks who owns the folder, and there is none to ask about.
            return Store(path, Settings(file_mode="0660"), Disk())
        made = Store.create(path, Settings(), Disk())
        output.note(f"made a new spool: {made.root}")
        return self._with_journal(made)

    def journal_folder(self, store: "Store") -> str:
        """Where the journal is, or would be."""
        from wmctl.spool.journal import FOLDER  # most commands keep none

        where = self.settings.journal
        return store.path(FOLDER) if isinstance(where, bool) else str(where)

    def _with_journal(self, store: "Store") -> "Store":
        if self.settings.journal is not False:
            from wmctl.spool.journal import Journal

            store.journal = Journal(self.journal_folder(store), store.settings.mode)
        return store

    @property
    def has_spool(self) -> bool:
        """False where the default spool has not been made; a named one is taken to be there."""
        if not self.settings.spool_is_default:
            return True
        return os.path.lexists(self.settings.spool / "spool.json")

    def must_have_spool(self) -> None:
        """SpoolNotFound where there is none to say anything about."""
        if not self.has_spool:
            raise SpoolNotFound(
                f"there is no spool in {self.settings.spool} yet",
                hint="the first job makes it; or: wmctl init",
            )

    @cached_property
    def spool(self) -> "Spool":
        """The spool with all its verbs."""
        from wmctl.spool.spool import Spool  # as above

        return Spool(self.store)

    @cached_property
    def plugins(self) -> "Plugins":
        """The installed plugins, loaded no further than needed."""
        from wmctl.plugin.manager import Plugins  # ps, wait and logs need none

        return Plugins()

    @cached_property
    def tools(self) -> "Tools":
        """The programs of this machine, as settings and environment name them."""
        from wmctl.runner.tools import Tools  # as above

        return Tools.from_environment(os.environ, self.settings.tools)


def session_of(ctx: "typer.Context", **flags: str | None) -> Session:
    """The session of a command, with those of its options that are settings."""
    session = cast("Session", ctx.find_root().obj)
    for key, value in flags.items():
        session.flag(key, value)
    return session
