"""What must hold when a host is cut off and comes back, and when one loses its power."""

from collections.abc import Iterator

import pytest

from .lab import MOUNTS, Lab
from .partition import LABELS, Story


@pytest.fixture(scope="module")
def story(laboratory: Lab) -> Iterator[Story]:
    told = Story(laboratory)
    try:
        told.told()
        yield told
    finally:
        laboratory.recover()


@pytest.mark.parametrize("protocol", MOUNTS)
def test_a_job_cut_off_from_its_spool_is_stopped_in_time(story, protocol) -> None:
    """By its own supervisor, while the worker hangs in a call to the spool."""
    assert story.stopped_after[protocol] < story.self_stop + 1.0
    assert not story.overlapped[f"cut {protocol}"]


def test_without_the_self_stop_two_attempts_overlap(story) -> None:
    """The control."""
    assert story.overlapped["cut unguarded"]


@pytest.mark.parametrize("protocol", MOUNTS)
def test_what_was_cut_off_is_done_elsewhere_and_published_once(story, protocol) -> None:
    site = story.sites[protocol]
    jobs = story.jobs(protocol)
    seen = site.audit()
    seen.must_be_done([*jobs, story.afterwards[protocol]])
    assert [(seen.one(job).claims, seen.one(job).lost) for job in jobs] == [(2, 1)] * len(jobs)
    for label in LABELS:
        assert "2" in story.acts[f"{label} {protocol}"].result()


def test_without_the_fence_it_is_published_twice(story) -> None:
    """The control."""
    seen = story.sites["unfenced"].audit()
    job = story.acts["ended unfenced"].job
    assert len(seen.places[job]) > 1
    assert seen.problems


@pytest.mark.parametrize("protocol", MOUNTS)
def test_the_jobs_of_a_host_without_power_run_elsewhere_in_time(story, protocol) -> None:
    assert story.rescued_after[f"dead {protocol}"] < story.rescue
