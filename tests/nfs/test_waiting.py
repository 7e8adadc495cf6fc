"""Jobs that wait for each other, on three hosts: one slot for all of them, and ends told across."""

JOBS = 12
#: Only one at a time can make the folder; who finds it there runs beside another.
_ALONE = "mkdir {path}/tmp/alone || exit 9; sleep 0.1; rmdir {path}/tmp/alone"


def test_one_slot_for_three_hosts_and_a_chain_across_them(lab, sites) -> None:
    limited, chains = {}, {}
    for spool in sites:
        fields = {"language": "bash", "code": _ALONE.format(path=spool.path)}
        limited[spool] = spool.submit(
            "c1", JOBS, tag="bash", concurrency_key="k", concurrent_limit=1, **fields
        )
        chain = [spool.bash("c1", "exit 0")]
        for host in ("c2", "c3", "c1"):
            after = [{"id": chain[-1], "on": "ok"}]
            (job,) = spool.submit(host, tag="bash", language="bash", code="exit 0", after=after)
            chain.append(job)
        after = [{"id": chain[-1], "on": "fail"}]
        (never,) = spool.submit("c2", tag="bash", language="bash", code="exit 0", after=after)
        chains[spool] = (chain, never)
    workers = [spool.worker(host) for spool in sites for host in lab.clients]
    for spool in sites:
        chain, never = chains[spool]
        seen = spool.ended([*limited[spool], *chain, never])
        assert {seen.one(job).outcome for job in (*limited[spool], *chain)} == {"success"}
        assert seen.one(never).outcome == "canceled"
        ended = [seen.one(job).started for job in chain]
        assert ended == sorted(ended)
    for worker in workers:
        worker.close()
