"""What a worker's group adds to each job: variables, places of Python modules, a cache."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wmctl.config.served import Served


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """As they are for the next job."""

    #: Later wins: what the host has of the allow list (empty where it has nothing), the group's
    #: own, the slot's. A job's own variables win over all of them.
    variables: Mapping[str, str] = field(default_factory=dict)
    python_paths: tuple[str, ...] = ()
    pip_local: tuple[str, ...] = ()
    cache: Path


def surroundings(
    served: Served, host: Mapping[str, str], slot: Mapping[str, str], cache: Path
) -> Surroundings:
    """Of a worker with this configuration."""
    return Surroundings(
        variables={
            **{name: host.get(name, "") for name in served.env_allow},
            **served.env_static,
            **slot,
        },
        python_paths=served.python_paths,
        pip_local=served.pip_local,
        cache=cache,
    )
