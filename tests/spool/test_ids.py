"""Job ids and the buckets that are computed from them."""

import time
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmctl.spool.ids import bucket, created, hour_of, is_id, new_id, short

milliseconds = st.integers(0, 253_402_300_799_999)


@given(milliseconds)
def test_an_id_is_a_uuid_of_version_7(stamp: int) -> None:
    found = uuid.UUID(new_id(stamp))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == stamp
    assert is_id(str(found))


@given(milliseconds)
def test_the_bucket_is_the_hour_and_two_random_digits(stamp: int) -> None:
    job_id = new_id(stamp)
    hour, digits = bucket(job_id).split("/")
    assert digits == job_id[-2:]
    moment = datetime.fromtimestamp(stamp // 1000, UTC)
    assert datetime.strptime(hour.rjust(10, "0"), "%Y%m%d%H").replace(tzinfo=UTC) == moment.replace(
        minute=0, second=0, microsecond=0
    )
    assert abs((created(job_id) - moment).total_seconds()) < 1
    assert hour_of(stamp) == hour


def test_an_id_says_when_it_was_made() -> None:
    before = time.time()
    assert before - 1 < created(new_id()).timestamp() < time.time() + 1


def test_ids_differ_and_sort_by_time() -> None:
    ids = [new_id(1_800_000_000_000 + number // 100) for number in range(1000)]
    assert len(set(ids)) == 1000
    assert [job_id[:13] for job_id in ids] == sorted(job_id[:13] for job_id in ids)


def test_a_short_id_is_its_random_end() -> None:
    assert short("0193a5c0-7b1e-7abc-8def-0123456789ab") == "456789ab"


@pytest.mark.parametrize(
    "text",
    [
        "", "0193a5c0", "0193A5C0-7b1e-7abc-8def-0123456789ab", "../../../../../etc/passwd",
        "0193a5c0-7b1e-4abc-8def-0123456789ab", "0193a5c0-7b1e-7abc-cdef-0123456789ab",
        "0193a5c07b1e7abc8def0123456789ab", "0193a5c0-7b1e-7abc-8def-0123456789ab\n",
        " 0193a5c0-7b1e-7abc-8def-0123456789ab", "0193a5c0-7b1e-7abc-8def-0123456789a٣",
    ],
)  # fmt: skip
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


def test_times_beyond_the_end_have_an_hour_too() -> None:
    assert hour_of(2**48 - 1) == "9999123123"
