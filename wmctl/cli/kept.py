"""How long a spool keeps what has ended, as people and machines read it."""

from wmctl.cli import output
from wmctl.cli.lists import age
from wmctl.cli.session import Session
from wmctl.cli.sizes import size
from wmctl.cli.tables import Item
from wmctl.config.keys import Found
from wmctl.errors import ConfigError
from wmctl.spool import OUTCOMES
from wmctl.spool.broom import Retention


def sentence(kept: Retention) -> str:
    """`30d`, or `success 7d, failure 30d, …; no more than 10G`."""
    spans = {outcome: age(kept.of_outcome(outcome)) for outcome in OUTCOMES}
    if len(set(spans.values())) == 1:
        text = spans["success"]
    else:
        text = ", ".join(f"{outcome} {span}" for outcome, span in spans.items())
    if kept.max_bytes is not None:
        text += f"; no more than {size(kept.max_bytes)}"
    return text


def facts(kept: Retention) -> Item:
    """As JSON, in seconds and bytes."""
    spans = {outcome: kept.of_outcome(outcome) for outcome in OUTCOMES}
    return {**spans, "logs": kept.logs, "max_bytes": kept.max_bytes}


def of(session: Session) -> tuple[Retention, dict[str, Found]] | None:
    """The spool's retention, and where each value is from; of a wrong file it is told, and None."""
    from wmctl.config import retention

    try:
        found = retention.load(session.store)
    except ConfigError as error:
        output.note(error.message, hint=error.hint or "until that is mended workers prune nothing")
        return None
    values = facts(found.retention)
    places = {
        f"retention.{key}": Found(values[key], found.origins[key])
        for key in retention.KEYS
        if values[key] is not None
    }
    return found.retention, places
