"""wmctl with a protection switched off or a disk that misbehaves, for scenarios and controls.

`python -m tests.faults.rigged RIG[=VALUE][,RIG…] worker start -n 2`: the rigs, then wmctl's own
command line.
"""

import sys
from collections.abc import Callable

from tests.faults import disks, unprotected, versions

RIGS: dict[str, Callable[[str], None]] = {
    "any-major": versions.any_major,
    "count-lost": disks.count_lost,
    "eager": unprotected.eager,
    "hang": disks.hang,
    "leak-files": unprotected.leak_files,
    "litter": disks.litter,
    "lost-replies": disks.lost_replies,
    "next-version": versions.next_version,
    "no-check": unprotected.no_check,
    "no-drain": unprotected.no_drain,
    "no-enoent-check": unprotected.no_enoent_check,
    "no-fence": unprotected.no_fence,
    "no-limit": unprotected.no_limit,
    "no-log-cap": unprotected.no_log_cap,
    "no-rescue": unprotected.no_rescue,
    "no-result-cap": unprotected.no_result_cap,
    "no-self-stop": unprotected.no_self_stop,
    "no-spread": unprotected.no_spread,
    "no-sweep": unprotected.no_sweep,
    "no-sync": disks.no_sync,
    "only-group": unprotected.only_group,
    "over-quota": disks.over_quota,
    "own-clock": unprotected.own_clock,
    "strict-order": unprotected.strict_order,
    "two-steps": unprotected.two_steps,
}


def rig(names: str) -> None:
    """Rig this process: names with a comma between them."""
    for each in filter(None, names.split(",")):
        name, _, value = each.partition("=")
        RIGS[name](value)


def main(rigs: str, words: list[str]) -> int:
    """Rig, then be wmctl; its exit code."""
    rig(rigs)
    sys.argv = ["wmctl", *words]
    from wmctl.__main__ import main as wmctl

    return wmctl()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
