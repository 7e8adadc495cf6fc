"""A worker that others declared dead comes back under a new name."""

from .site import eventually


def test_a_worker_whose_folder_was_removed_joins_anew(lab, site) -> None:
    """With its beat, which the next beat finds; or without, which the next claim finds."""
    stories = [
        (site(protocol, label), host, what)
        for protocol, host in (("v4.2", "c1"), ("v3", "c2"))
        for label, what in (("-all", ("workers", "running")), ("-folder", ("running",)))
    ]
    workers = [spool.worker(host) for spool, host, _ in stories]
    for worker in workers:
        worker.until(" up; ")
    names = [spool.files("workers") for spool, _, _ in stories]
    for (spool, _, what), (name,) in zip(stories, names, strict=True):
        lab.exec("srv", ["rm", "-r", *(f"{spool.served}/{top}/{name}" for top in what)]).ok()
    jobs = [spool.bash("srv", "echo hello") for spool, _, _ in stories]
    for worker in workers:
        worker.until(" up; ", times=2)
    for (spool, _, _), old, job in zip(stories, names, jobs, strict=True):
        spool.finished()
        spool.audit().must_be_done([job])
        eventually(lambda spool=spool, old=old: spool.files("workers") not in ([], old))
