"""`noop` jobs over the laboratory's NFS, claim to finish, against a bare loop on the same mount."""

import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.nfs.lab import Lab, missing
from tests.nfs.site import Site

from .measure import print_rows

JOBS = 1000
ROUNDS = 3
PATIENCE = 300.0

#: What a claim and a finish cannot do without: rename, create, rename. Operations per second.
_BARE = """
import json, os, sys, time
root, count = sys.argv[1], int(sys.argv[2])
for part in ("queue", "running", "results", "completed"):
    os.makedirs(f"{root}/{part}")
for number in range(count):
    with open(f"{root}/queue/{number}", "w") as file:
        file.write("x" * 300)
started = time.monotonic()
for number in range(count):
    os.rename(f"{root}/queue/{number}", f"{root}/running/{number}")
    fd = os.open(f"{root}/results/{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, b"y" * 300)
    os.close(fd)
    os.rename(f"{root}/running/{number}", f"{root}/completed/{number}")
print(json.dumps(count / (time.monotonic() - started)))
"""
#: Records per second, from the first to the last: the workers' start is no job.
_RATE = """
import json, os, sys
stamps = sorted(os.stat(f"{folder}/{name}").st_mtime
                for folder, _, names in os.walk(sys.argv[1]) for name in names)
print(json.dumps([len(stamps), (len(stamps) - 1) / (stamps[-1] - stamps[0])]))
"""


def main() -> None:
    """One host, then three at once on one queue."""
    lack = missing()
    if lack:
        sys.exit(f"no NFS laboratory: {lack}; as root, run: .ci/packages")
    with Lab.up(clients=3) as lab:
        rows = [_row(lab, protocol, hosts) for protocol in ("v4.2", "v3") for hosts in (1, 3)]
    print_rows([("NFS, hosts", "wmctl, jobs/s", "bare loop, 1/s", "ratio, target"), *rows])


def _row(lab: Lab, protocol: str, hosts: int) -> tuple[str, ...]:
    """Both sides in turn; the medians, and the median of the rounds' ratios."""
    clients = lab.clients[:hosts]
    pairs = []
    for number in range(ROUNDS):
        site = Site(lab, f"bench-{protocol}-{hosts}-{number}", protocol)
        pairs.append((_drain(site, clients), _bare(site, clients)))
        lab.exec("srv", ["sh", "-c", f"rm -r {site.served}*"]).ok()  # the server's disk is small
    ours, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    return f"{protocol}, {hosts}", f"{ours:.0f}", f"{bare:.0f}", f"{ratio:.2f} (at least 0.50)"


def _drain(site: Site, clients: list[str]) -> float:
    """One worker on each host, until nothing is left."""
    count = JOBS * len(clients)
    site.submit("srv", count)
    for running in [site.noop_worker(host, burst=True) for host in clients]:
        running.wait(PATIENCE).ok()
    done, rate = site.on("srv", _RATE, f"{site.served}/completed")
    assert done == count
    return float(rate)


def _bare(site: Site, clients: list[str]) -> float:
    """One loop on each host, in folders of its own; the sum of their rates."""

    def loop(host: str) -> Any:
        return site.lab.py(host, _BARE, f"{site.path}-bare-{host}", JOBS, timeout=PATIENCE)

    with ThreadPoolExecutor() as pool:
        return float(sum(pool.map(loop, clients)))


if __name__ == "__main__":
    main()
