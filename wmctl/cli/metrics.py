"""`wmctl metrics`: what the spool's files say at this moment, as Prometheus reads it."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.session import session_of
from wmctl.cli.status import status_of
from wmctl.cli.status_look import Look
from wmctl.errors import RunnerUnavailable

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

#: Others read what is not the spool's own: node_exporter runs as a user of its own.
_MODE = 0o644


def metrics(
    ctx: typer.Context,
    textfile: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write it there, whole or not at all, for node_exporter."
        ),
    ] = None,
    spool: o.SpoolOption = None,
) -> None:
    """Print what the spool's files say at this moment, as Prometheus reads it.

    Names are Windmill's where it has one, else they begin with wmctl_. Nothing is kept in memory:
    a dead worker is in it no more. Needs prometheus-client: pip install 'wmctl[metrics]'.
    """
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    text = text_of(Look(session))
    if textfile is None:
        output.line(text.rstrip("\n"))
    else:
        _publish(textfile, text)


def text_of(look: Look) -> str:
    """All of it."""
    try:
        from prometheus_client.exposition import generate_latest
    except ImportError:
        raise RunnerUnavailable(
            "wmctl metrics needs the package prometheus-client, which is not installed",
            hint="pip install 'wmctl[metrics]', into the environment that wmctl is in",
        ) from None
    from wmctl.cli.metrics_given import given

    class _Spool:
        """What is asked for its metrics, as a registry is."""

        def collect(self) -> "Iterator[Metric]":
            return given(look, status_of(look))

    return generate_latest(_Spool()).decode()


def _publish(path: str, text: str) -> None:
    """By one rename: node_exporter may read at any moment."""
    folder, name = os.path.split(os.path.abspath(path))
    aside = ""
    try:
        fd, aside = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), _MODE)
        os.rename(aside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise exits.OutputFailed(
            f"cannot write {path}: {error.strerror}", hint="the older file, if any, is still there"
        ) from None


app = one_command(
    metrics,
    "wmctl metrics",
    "wmctl metrics | grep queue_count",
    "* * * * * wmctl metrics --textfile /var/lib/node_exporter/wmctl.prom",
)
