"""What S3 says about its objects: notifications in each of the shapes that reach a queue.

- S3's own: `{"Records": [{"s3": {...}}]}`, keys URL-encoded with `+` for a space;
- through EventBridge: `{"detail-type": "Object Created", "detail": {...}}`, keys as they are;
- either of them wrapped by SNS: `{"Type": "Notification", "Message": "<the text above>"}`;
- S3's test event, sent once when notifications are set up, which names no object.

A notice is a hint that an hour changed, and nothing more: what is to be loaded, listing and ledger say. When it
happened is left out: no clock decides anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote_plus

from weblogs_platform.core.errors import InvalidDocument

_TEST_EVENT = "s3:TestEvent"


@dataclass(frozen=True)
class Notice:
    """Something happened to this object."""

    bucket: str
    key: str


def parse_notices(body: str) -> list[Notice]:
    """The notices of a message; none for a test event. Raises InvalidDocument saying what is wrong with it."""
    message = _unwrapped(_json_object(body))
    if message.get("Event") == _TEST_EVENT:
        return []
    try:
        if "detail-type" in message:
            return [_event_bridge(message)]
        return [_record(record) for record in message["Records"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        # From None: the text of a foreign message stays out of logs.
        raise InvalidDocument("is no notification of S3, EventBridge or SNS") from None


def _unwrapped(message: dict[str, Any]) -> dict[str, Any]:
    inner = message.get("Message")
    wrapped = message.get("Type") == "Notification" and isinstance(inner, str)
    return _json_object(cast("str", inner)) if wrapped else message


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidDocument("is not JSON") from None
    if not isinstance(found, dict):
        raise InvalidDocument("is not a JSON object")
    return cast("dict[str, Any]", found)


def _record(record: dict[str, Any]) -> Notice:
    s3 = record["s3"]
    return _notice(s3["bucket"]["name"], unquote_plus(s3["object"]["key"]))


def _event_bridge(message: dict[str, Any]) -> Notice:
    detail = message["detail"]
    return _notice(detail["bucket"]["name"], detail["object"]["key"])


def _notice(bucket: object, key: object) -> Notice:
    if not (isinstance(bucket, str) and isinstance(key, str) and key):
        raise TypeError
    return Notice(bucket, key)
