"""What `submit` and `run` have in common: the options that say what a job is and how it is to run.

They stand in one table, `JobOptions`; the commands get it as one value.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

_Text = str | None
_Texts = list[str] | None


class JobOptions(NamedTuple):
    """What the command line says about new jobs; the fields are the options."""

    file: Annotated[
        _Text,
        typer.Argument(metavar="FILE", help="A script; its ending says the language. - is stdin."),
    ] = None
    code: Annotated[
        _Text, typer.Option("-c", "--code", metavar="CODE", help="The script itself.")
    ] = None
    lang: Annotated[
        _Text, typer.Option("-l", "--lang", metavar="LANG", help="bash, python3, deno, go, …")
    ] = None
    arg: Annotated[
        _Texts,
        typer.Option("-a", "--arg", metavar="K=V", help="k=text, k:=json, k=@file or k:=@file."),
    ] = None
    data: Annotated[
        _Text,
        typer.Option("-d", "--data", metavar="JSON", help="All args: a JSON object, @file or @-."),
    ] = None
    each: Annotated[
        _Text,
        typer.Option(
            metavar="FILE|-",
            help="One job a line: a JSON object is args, a plain line the first arg.",
        ),
    ] = None
    max_running: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=10_000, help="Of the --each jobs so many at once."),
    ] = None
    tag: Annotated[
        _Text, typer.Option("-t", "--tag", help="Which workers run it [default: the language's].")
    ] = None
    priority: Annotated[
        int, typer.Option("-p", "--priority", min=0, max=100, help="0 to 100; higher goes first.")
    ] = 0
    at: Annotated[
        _Text,
        typer.Option(metavar="TIME", help="Not before +5m, 16:30, 'tomorrow 09:00', RFC 3339…"),
    ] = None
    after: Annotated[
        _Texts,
        typer.Option(metavar="ID[:ok|any|fail]", help="Only when that job has ended so [ok]."),
    ] = None
    hold: Annotated[bool, typer.Option("--hold", help="Not before somebody unholds it.")] = False
    key: Annotated[
        _Text, typer.Option(metavar="KEY", help="Only one unfinished job holds a key.")
    ] = None
    if_exists: Annotated[
        _Text,
        typer.Option(
            metavar="WHAT",
            help="If one holds the key: return (its id), skip, queue, replace or error (73).",
        ),
    ] = None
    timeout: Annotated[
        _Text, typer.Option(metavar="DURATION", help="Stop the job after 90, 90s, 10m, 1h30m.")
    ] = None
    retries: Annotated[
        int, typer.Option(metavar="N", min=0, max=10_000, help="Try a failed job so often again.")
    ] = 0
    backoff: Annotated[
        _Text,
        typer.Option(
            metavar="D[..D]",
            help="Wait so long before, doubled each time up to the second [10s..5m].",
        ),
    ] = None
    concurrent_limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=10_000, help="Of this script no more at once."),
    ] = None
    concurrency_window: Annotated[
        _Text,
        typer.Option(metavar="DURATION", help="And no more than N starts in so long."),
    ] = None
    concurrency_key: Annotated[
        _Text,
        typer.Option(metavar="KEY", help="Of all with this key, not of this script."),
    ] = None
    cache_ttl: Annotated[
        _Text,
        typer.Option(metavar="DURATION", help="The same job's success, if not older, answers it."),
    ] = None
    delete_after: Annotated[
        _Text,
        typer.Option(metavar="DURATION", help="So long after its end nothing of it is left."),
    ] = None
    name: Annotated[_Text, typer.Option("-N", "--name", help="A name for people.")] = None
    label: Annotated[
        _Texts, typer.Option("-L", "--label", metavar="K=V", help="A label to find it by.")
    ] = None
    env: Annotated[
        _Texts,
        typer.Option("-e", "--env", metavar="K[=V]", help="A variable; without =V as it is here."),
    ] = None
    env_all: Annotated[
        bool, typer.Option("--env-all", help="A command gets all of your variables.")
    ] = False
    cwd: Annotated[
        _Text,
        typer.Option("-C", "--cwd", metavar="FOLDER", help="Where a command runs [default: here]."),
    ] = None
    workspace: Annotated[
        _Text, typer.Option(metavar="ID", help="The workspace [env: WMCTL_WORKSPACE].")
    ] = None
    no_check: Annotated[
        bool,
        typer.Option("--no-check", help="Queue it even if it does not parse or args do not fit."),
    ] = False
    require_worker: Annotated[
        bool, typer.Option("--require-worker", help="Exit 69 if no live worker serves the tag.")
    ] = False
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Print the job as JSON, queue nothing.")
    ] = False


def with_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `JobOptions` in its command line, between `ctx` and its own options.

    It gets them as its second argument. The signature is made here, since typer asks for one.
    """
    names = JobOptions._fields
    kind = inspect.Parameter.KEYWORD_ONLY

    def called(ctx: typer.Context, **options: Any) -> None:
        command(ctx, JobOptions(*[options.pop(name) for name in names]), **options)

    first, _, *own = inspect.signature(command).parameters.values()
    shared = [
        inspect.Parameter(name, kind, default=default, annotation=JobOptions.__annotations__[name])
        for name, default in JobOptions._field_defaults.items()
    ]
    called.__signature__ = inspect.Signature([first, *shared, *own])  # type: ignore[attr-defined]
    called.__annotations__ = {}
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    return called
