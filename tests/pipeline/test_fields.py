"""Fields end to end: what is null, mistyped or out of range is quarantined; what is sound arrives to the letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.pipeline.hours import Hour, assert_arrives, each_stream
from tests.pipeline.records import EVENT_SECS, Content, encoded, flat, interaction, record, row_of, web_log

FLAT_NULL_RECORD = b"""{
  "source": null,
  "timestamp": 1752784836.0465686,
  "session_id": null,
  "user_id": null,
  "page": null,
  "device_type": null,
  "browser": null,
  "event_type": null,
  "ingestion_timestamp": "2025-07-17T20:40:36.066373"
}"""


def test_the_flat_all_null_record_is_quarantined_whole(hour: Hour) -> None:
    """The record that made rows vanish in silence is kept byte for byte, with each of its missing fields."""
    content = Content(hour.spec).good(web_log(1)).between(b"\n")
    content.bad(
        FLAT_NULL_RECORD, "null_required:event_type", "null_required:user_id", "null_required:session_id"
    )
    content.between(b"\n").good(web_log(2))
    file = assert_arrives(hour, part=content)["part"]
    assert dict(file.null_fields) == {"event_type": 1, "user_id": 1, "session_id": 1}


@each_stream
def test_a_flat_record_is_loaded_in_the_envelope(hour: Hour) -> None:
    """A sound record of the other producer version is lost, or loads with its two timestamps mixed up."""
    content = Content(hour.spec).good(flat(hour.spec, 1)).good(record(hour.spec, 2)).good(flat(hour.spec, 3))
    file = assert_arrives(hour, part=content)["part"]
    assert file.conformed == 2


@each_stream
def test_required_fields_must_hold_something(hour: Hour) -> None:
    """Null, missing or empty required fields reach the table, or the reason names the wrong column."""
    content = Content(hour.spec)
    required = [f for f in hour.spec.fields if f.required]
    for f in required:
        for nothing in (None, ..., ""):
            broken = record(hour.spec, 1, **{f.path.removeprefix("$.payload."): nothing})
            content.bad(broken, f"null_required:{f.column}").between(b"\n").good(record(hour.spec, 2))
    no_payload = {"timestamp": "2025-07-17T20:40:36", "payload": {}}
    content.bad(no_payload, *(f"null_required:{f.column}" for f in required))
    file = assert_arrives(hour, part=content)["part"]
    assert dict(file.null_fields) == {f.column: 4 for f in required}


@each_stream
def test_a_payload_that_is_no_object_has_no_fields(hour: Hour) -> None:
    """`"payload": null`, a text or an array pass as a record, or stop the load of their neighbours."""
    content = Content(hour.spec)
    reasons = [f"null_required:{f.column}" for f in hour.spec.fields if f.required]
    for payload in (None, "text", [record(hour.spec)["payload"]], 5):
        content.bad({"timestamp": "2025-07-17T20:40:36", "payload": payload}, *reasons).between(b"\n")
    content.bad({}, *reasons).good(record(hour.spec, 2))
    assert_arrives(hour, part=content)


@each_stream
def test_optional_fields_may_be_null_missing_or_empty(hour: Hour) -> None:
    """A null becomes something else (the old system made a null rating a 3), or costs the record."""
    content = Content(hour.spec)
    optional = [f for f in hour.spec.fields if not f.required and f.path.startswith("$.payload.")]
    for n, f in enumerate(optional):
        name = f.path.removeprefix("$.payload.")
        content.good(record(hour.spec, n, **{name: None})).good(record(hour.spec, n, **{name: ...}))
        emptied = encoded(record(hour.spec, n, **{name: ""}))
        if f.type.ddl.startswith("VARCHAR"):
            content.good(emptied)
        else:  # COPY reads an empty string as NULL where the column is not text
            content.good(emptied, row=row_of(hour.spec, encoded(record(hour.spec, n, **{name: None}))))
    assert_arrives(hour, part=content)


WRONG_INTERACTIONS: list[tuple[dict[str, Any], str]] = [
    ({"customer_id": "seven"}, "wrong_type:customer_id"),
    ({"customer_id": 7.5}, "wrong_type:customer_id"),
    ({"customer_id": True}, "wrong_type:customer_id"),
    ({"customer_id": [7]}, "wrong_type:customer_id"),
    ({"customer_id": {"id": 7}}, "wrong_type:customer_id"),
    ({"customer_id": 2**31}, "out_of_range:customer_id"),
    ({"customer_id": -(2**31) - 1}, "out_of_range:customer_id"),
    ({"customer_id": 10**30}, "out_of_range:customer_id"),
    ({"rating": 9}, "out_of_range:rating"),
    ({"rating": 0}, "out_of_range:rating"),
    ({"rating": -1}, "out_of_range:rating"),
    ({"rating": "good"}, "wrong_type:rating"),
    ({"channel": ["Email"]}, "wrong_type:channel"),
    ({"message_excerpt": {"text": "late"}}, "wrong_type:message_excerpt"),
    ({"timestamp": "2025-07-17T20:40:36"}, "unparsable_timestamp:event_timestamp"),
    ({"timestamp": "yesterday"}, "unparsable_timestamp:event_timestamp"),
    ({"timestamp": False}, "unparsable_timestamp:event_timestamp"),
    ({"timestamp": -1.0}, "out_of_range:event_timestamp"),
    ({"timestamp": 0}, "out_of_range:event_timestamp"),
    ({"timestamp": 1e15}, "out_of_range:event_timestamp"),
]

WRONG_WEB_LOGS: list[tuple[dict[str, Any], str]] = [
    ({"timestamp": "soon"}, "wrong_type:event_timestamp"),
    ({"timestamp": [EVENT_SECS]}, "wrong_type:event_timestamp"),
    ({"timestamp": True}, "wrong_type:event_timestamp"),
    ({"user_id": {"id": 7}}, "wrong_type:user_id"),
    ({"page": ["a", "b"]}, "wrong_type:page"),
]

WRONG_INGESTION = [
    "2025-07-17T25:40:36", "2025-02-30T20:40:36", "17.07.2025 20:40", 1752784836.0465686, "now", " ",
    "2025-07-17T20:40:36+02:00", "2025-07-17T20:40:36.1234567", ["2025-07-17T20:40:36"], True,
]  # fmt: skip
RIGHT_INGESTION = ["2025-07-17 20:40:36", "2025-07-17T20:40:36Z", "1999-12-31T23:59:59.999999"]


def test_wrong_types_are_quarantined_by_column(hour: Hour, interactions: Hour) -> None:
    """A value that COPY cannot take fails the load of the whole hour, or is loaded as something else."""
    for own, sound, wrong in (
        (hour, web_log, WRONG_WEB_LOGS),
        (interactions, interaction, WRONG_INTERACTIONS),
    ):
        content = Content(own.spec)
        for n, (changes, reason) in enumerate(wrong):
            content.good(sound(n)).bad(sound(n, **changes), reason).between(b"\n")
        assert_arrives(own, part=content)


@each_stream
def test_ingestion_timestamps_are_iso_and_utc(hour: Hour) -> None:
    """An offset, an epoch or an impossible date in the envelope shifts the time, or stops COPY."""
    content = Content(hour.spec)
    for n, text in enumerate(WRONG_INGESTION):
        wrong = {**record(hour.spec, n), "timestamp": text}
        content.bad(wrong, "unparsable_timestamp:ingestion_timestamp")
    for n, text in enumerate(RIGHT_INGESTION):
        content.good({**record(hour.spec, n), "timestamp": text}).between(b" ")
    assert_arrives(hour, part=content)


def test_a_web_log_without_ingestion_timestamp_keeps_null(hour: Hour) -> None:
    """It is quarantined although the column may be null, or gets a time that nobody wrote."""
    content = Content(hour.spec)
    row = row_of(hour.spec, encoded({**web_log(1), "timestamp": None}))
    for nothing in (None, ""):
        content.good({**web_log(1), "timestamp": nothing}, row=row)
    content.good({"payload": web_log(1)["payload"]}, row=row)
    assert_arrives(hour, part=content)


def test_values_keep_their_text(hour: Hour) -> None:
    """A parser on the way turns 1.10 into 1.1, a 20-digit id into a float, or 007 into 7."""
    content = Content(hour.spec)
    texts = [
        b"1.10", b"12345678901234567890", b"-0", b"1e5", b"1E+05", b"0.1000000000000000055511151231257827",
        b"true", b'"007"', b'" padded "', b'"\\u0041\\/\\"\\\\"', b'"tab\\there\\nand\\r\\nlines"', b'"null"',
        '"żółć 東京 \U0001f600"'.encode(), b'"\\ud83d\\ude00"', b'"%s {} $1 \' ; --"',
    ]  # fmt: skip
    for n, text in enumerate(texts):
        raw = encoded(web_log(n, user_id="@")).replace(b'"@"', text)
        content.good(raw)
    assert_arrives(hour, part=content)
    assert {"1.10", "12345678901234567890", "1e5"} <= {row[4] for row in hour.rows()}


def test_numbers_of_an_event_time_arrive_exactly(hour: Hour) -> None:
    """event_timestamp goes through a decimal or a shorter text and loses its last digits."""
    content = Content(hour.spec)
    for n, number in enumerate(
        [b"1746269854.2904353", b"1746269854", b"0", b"-1.5", b"1.7e9", b'"1746269854.5"']
    ):
        content.good(encoded(web_log(n, timestamp="@")).replace(b'"@"', number))
    assert_arrives(hour, part=content)


def test_epoch_seconds_become_timestamps_with_microseconds(interactions: Hour) -> None:
    """The seconds land as NULL, lose their fraction, or are off by the session's time zone."""
    content = Content(interactions.spec)
    for n, secs in enumerate(
        [EVENT_SECS, 1, 0.000001, 1752784836.5, 1752784836.999999, 4102444800, 253402300799]
    ):
        content.good(interaction(n, timestamp=secs))
    assert_arrives(interactions, part=content)
    times = {row[5] for row in interactions.rows()}
    assert datetime(2025, 5, 3, 10, 57, 34, 290435) in times  # noqa: DTZ001 - a TIMESTAMP has no zone


def test_a_missing_ingestion_timestamp_becomes_the_time_of_the_load(interactions: Hour) -> None:
    """COPY writes NULL, because a default applies only to a column that is left out of its list."""
    missing = {"payload": interaction(1)["payload"]}
    bodies = [missing, {**interaction(2), "timestamp": None}, {**interaction(3), "timestamp": ""}]
    interactions.drop("no-ingestion", b"\n".join(encoded(body) for body in bodies))
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
    report, _ = interactions.run()
    after = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=1)
    assert report.bad == 0
    stamps = [row[6] for row in interactions.rows()]
    assert len(stamps) == 3
    assert all(before <= stamp <= after for stamp in stamps)


def test_a_rating_of_null_stays_null(interactions: Hour) -> None:
    """The old system made it a 3 and bent every average."""
    content = Content(interactions.spec)
    for n, rating in enumerate([None, 1, 5, ..., 3]):
        content.good(interaction(n, rating=rating))
    content.good(encoded(interaction(9, rating="@")).replace(b'"@"', b'"4"'))
    assert_arrives(interactions, part=content)
    assert [row[3] for row in interactions.rows()].count(None) == 2


TOO_LONG = {
    "ascii": ("x" * 256, "x" * 255),
    "two bytes at the edge": ("x" * 254 + "é", "x" * 254),
    "three bytes at the edge": ("x" * 253 + "東京", "x" * 253),
    "four bytes": ("\U0001f600" * 64, "\U0001f600" * 63),
    "combining": ("e\u0301" * 90, "e\u0301" * 85),
    "1 MB": ("ö" * 500_000, "ö" * 127),
}


def test_long_text_is_cut_on_a_character_and_counted(hour: Hour) -> None:
    """VARCHAR(255) counts bytes: the load fails, or a character is cut in half, or nobody is told."""
    content = Content(hour.spec)
    for n, (text, cut) in enumerate(TOO_LONG.values()):
        for how in ({"ensure_ascii": False}, {"ensure_ascii": True}):
            row = row_of(hour.spec, encoded(web_log(n, page=cut)))
            content.good(encoded(web_log(n, page=text), **how), row=row)
    for fits in ("x" * 255, "é" * 127, "\U0001f600" * 63):
        content.good(web_log(50, page=fits)).good(encoded(web_log(51, page=fits), ensure_ascii=True))
    file = assert_arrives(hour, part=content)["part"]
    assert dict(file.truncated) == {"page": 2 * len(TOO_LONG)}
