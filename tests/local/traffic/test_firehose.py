"""The buffer: nothing is lost, limits hold, broken records never touch."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.local.traffic.firehose import SECOND_US, Buffer, DeliveredObject, Delivery
from weblogs_platform.local.traffic.record import FAULTS, Record, is_malformed
from weblogs_platform.streams import WEB_LOGS

BEGIN_US = 1_753_005_600 * SECOND_US
TAGS = st.sampled_from([0, 0, 0, FAULTS.index("truncated"), FAULTS.index("null")])


@st.composite
def arriving(draw: st.DrawFn) -> list[Record]:
    gaps = draw(st.lists(st.tuples(st.integers(0, 90), TAGS), max_size=60))
    at_us, records = BEGIN_US, []
    for number, (gap, tags) in enumerate(gaps):
        at_us += gap * SECOND_US
        records.append((at_us, b"<%d:%d>" % (number, tags), tags))
    return records


def deliver(records: list[Record], delivery: Delivery) -> list[DeliveredObject]:
    buffer = Buffer(WEB_LOGS, delivery)
    done = [delivered for record in records if (delivered := buffer.add(record))]
    return [*done, *buffer.drain()]


def tags_in(body: bytes) -> list[int]:
    return [int(part.split(b":")[1]) for part in body.replace(b"\n", b"").strip(b"<>").split(b"><")]


@given(arriving(), st.booleans(), st.integers(8, 200), st.integers(1, 900))
def test_every_record_is_delivered_once(records, newlines: bool, size: int, seconds: int) -> None:
    """A record is lost or doubled where a buffer is full, due or drained."""
    objects = deliver(records, Delivery(newlines=newlines, buffer_bytes=size, buffer_seconds=seconds))
    parts = sorted(p for o in objects for p in o.body.replace(b"\n", b"").replace(b">", b">\n").splitlines())
    assert parts == sorted(line for _, line, _ in records)
    assert sum(sum(o.tally.values()) for o in objects) == len(records)
    assert all(len(o.body) == o.record_bytes for o in objects)


@given(arriving(), st.integers(30, 200))
def test_malformed_records_never_touch(records, size: int) -> None:
    """Two broken records side by side read as one, and the expected counts cannot be checked."""
    for delivered in deliver(records, Delivery(buffer_bytes=size, buffer_seconds=900)):
        broken = [is_malformed(tags) for tags in tags_in(delivered.body)]
        assert not any(first and second for first, second in pairwise(broken))


@given(arriving())
def test_sound_records_keep_the_order_of_arrival(records) -> None:
    """Records are reordered where there is no reason to."""
    lines = b"".join(o.body for o in deliver(records, Delivery(newlines=True))).splitlines()
    sound = [line for _, line, tags in records if not is_malformed(tags)]
    assert [line for line in lines if line in set(sound)] == sound


def test_object_is_named_for_its_oldest_record() -> None:
    """A buffer that runs over the hour is filed under the wrong hour (Firehose files it by its oldest
    record)."""
    last, next_hour = BEGIN_US + 3599 * SECOND_US, BEGIN_US + 3601 * SECOND_US
    (delivered,) = deliver([(last, b"{}", 0), (next_hour, b"{}", 0)], Delivery())
    assert delivered.key.startswith(
        "firehose/web_redshift/2025/07/20/10/weblogs-firehose-5-2025-07-20-10-59-59-"
    )
    assert delivered.body == b"{}{}"


def test_buffer_is_delivered_by_size_and_by_age() -> None:
    """Buffering ignores one of its two limits."""
    old = deliver([(BEGIN_US, b"a", 0), (BEGIN_US + 60 * SECOND_US, b"b", 0)], Delivery(buffer_seconds=60))
    full = deliver([(BEGIN_US, b"aaa", 0), (BEGIN_US, b"bbb", 0)], Delivery(buffer_bytes=5))
    assert [o.body for o in old] == [b"a", b"b"]
    assert [o.body for o in full] == [b"aaa", b"bbb"]
    assert len({o.key for o in full}) == 2
