"""The shapes in which S3's notifications arrive."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.notices import Notice, parse_notices

AT = "2025-07-20T10:05:00.123Z"
NOTICE = Notice("lake", "pos/a b+ü.csv")

RECORD = {"eventTime": AT, "s3": {"bucket": {"name": "lake"}, "object": {"key": "pos%2Fa+b%2B%C3%BC.csv"}}}
FROM_S3 = {"Records": [RECORD]}
FROM_EVENT_BRIDGE = {
    "detail-type": "Object Created",
    "time": AT,
    "detail": {"bucket": {"name": "lake"}, "object": {"key": "pos/a b+ü.csv"}},
}


def wrapped(message: object) -> dict[str, object]:
    return {"Type": "Notification", "TopicArn": "arn", "Message": json.dumps(message)}


@pytest.mark.parametrize(
    "message", [FROM_S3, FROM_EVENT_BRIDGE, wrapped(FROM_S3), wrapped(FROM_EVENT_BRIDGE)]
)
def test_each_shape_names_the_same_object(message: object) -> None:
    """S3 encodes keys as forms do, EventBridge does not: one taken for the other names no object."""
    assert parse_notices(json.dumps(message)) == [NOTICE]


def test_a_message_may_name_several_objects() -> None:
    assert parse_notices(json.dumps({"Records": [RECORD, RECORD]})) == [NOTICE, NOTICE]


@pytest.mark.parametrize("shape", [lambda m: m, wrapped])
def test_the_test_event_names_none(shape) -> None:
    """S3 sends it once, when notifications are set up; it is no poison."""
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": AT, "Bucket": "lake"}
    assert parse_notices(json.dumps(shape(event))) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "{}",
        '{"Records": 1}',
        '{"Records": [{}]}',
        '{"Records": [{"s3": []}]}',
        '{"Type": "Notification", "Message": "hello"}',
        '{"detail-type": "Object Created"}',
        json.dumps({"Records": [{**RECORD, "s3": {"bucket": {"name": "lake"}, "object": {"key": ""}}}]}),
        "[" * 100_000,
    ],
)
def test_everything_else_is_refused(body: str) -> None:
    with pytest.raises(InvalidDocument):
        parse_notices(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "bucket", "name", "object", "key", "detail"]), inner
        )
    ),
)


@given(_JSON)
def test_no_message_stops_the_sensor(message: object) -> None:
    """Whatever somebody sends to the queue: notices, or the one error that the sensor rejects it for."""
    try:
        found = parse_notices(json.dumps(message))
    except InvalidDocument:
        return
    assert all(isinstance(notice, Notice) for notice in found)
