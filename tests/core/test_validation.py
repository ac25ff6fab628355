"""The judgement of one record: every reason, and what is done with the good ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weblogs_platform.core.spec import MAX_RECORD_BYTES
from weblogs_platform.core.validation import dump, judge
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, WEB_LOGS

WEB = {"event_type": "Click", "user_id": 1, "session_id": "s"}
CONTACT = {"customer_id": 7, "interaction_type": "Loyalty", "timestamp": 1746269854.5}
ALL_NULL_FLAT = (
    b'{"source": null, "timestamp": 1752784836.0465686, "session_id": null, "user_id": null, "page": null, '
    b'"device_type": null, "browser": null, "event_type": null, "ingestion_timestamp": "2025-07-17T20:40:36.066373"}'
)


def web(root: dict[str, Any] | None = None, **payload: Any) -> bytes:
    return json.dumps({"payload": {**WEB, **payload}, **(root or {})}).encode()


def contact(**payload: Any) -> bytes:
    return json.dumps({"payload": {**CONTACT, **payload}}).encode()


def raw_web(name: str, text: bytes) -> bytes:
    return web(None, **{name: "@"}).replace(b'"@"', text)


REASONS = {
    "invalid_utf8": [raw_web("page", b'"\xc3\x28"'), raw_web("page", b'"\xed\xa0\x80"')],
    "invalid_unicode": [raw_web("page", b'"\\ud800"'), raw_web("extra", b'"\\udc00\\ud800"'), web().replace(b'{"event', b'{"\\ud800": 1, "event')],
    "malformed_json": [b"{", b'{"a": 1,}', b'{"a": NaN}', b'{"a": 1} {}', b'{"a": "\n"}', b"{'a': 1}", b'{"a": 01}', b""],
    "not_an_object": [b"[]", b"1", b'"a"', b"null"],
    "nested_too_deep": [b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
    "duplicate_key": [
        b'{"a": 1, "a": 1}',
        b'{"payload": {}, "payload": {}}',
        web()[:-2] + b', "page": 1, "page": 1}}',
        web()[:-2] + b', "page": 1, "p\\u0061ge": 1}}',
    ],
    "null_required:event_type": [web(event_type=None), web(event_type=""), web().replace(b'"event_type"', b'"other"')],
    "wrong_type:page": [web(page=[]), web(page={}), web(page=["a"])],
    "nul_character:page": [web(page="a\0b"), raw_web("page", b'"\\u0000"')],
    "wrong_type:event_timestamp": [
        web(timestamp=value) for value in (True, "soon", "NaN", " 1", "1 ", [], {}, "0x1", "1_0", "١")
    ]
    + [raw_web("timestamp", text) for text in (b"1e999", b"-1e999", b"1e-400", b"0." + b"0" * 400 + b"1")],
    "unparsable_timestamp:ingestion_timestamp": [
        web({"timestamp": value})
        for value in (
            "2025-13-01T00:00:00", "2025-02-30T00:00:00", "0000-01-01T00:00:00", "2025-01-01", "2025-01-01T24:00:00",
            "2025-01-01T23:59:60", "2025-01-01T00:00:00+02:00", "2025-01-01T00:00:00.1234567", "yesterday", 1746269854,
            "2025-01-01T00:00:00z", " 2025-01-01T00:00:00", "2025-01-01T00:00:00\n", True, [], "２025-01-01T00:00:00",
        )
    ],
}  # fmt: skip
CONTACT_REASONS = {
    "null_required:customer_id": [contact(customer_id=None), contact(customer_id="")],
    "wrong_type:customer_id": [
        contact(customer_id=value) for value in (True, 1.0, "seven", "1.5", [], {}, " 7", "٣")
    ],
    "out_of_range:customer_id": [
        contact(customer_id=value) for value in (2**31, -(2**31) - 1, 10**30, "9" * 30)
    ],
    "out_of_range:rating": [contact(rating=value) for value in (0, 6, -1, "6", 10**30)],
    "wrong_type:rating": [contact(rating=value) for value in (3.5, "good", False)],
    "unparsable_timestamp:event_timestamp": [
        contact(timestamp=value) for value in ("2025-01-01T00:00:00", True, [], "soon")
    ],
    "out_of_range:event_timestamp": [
        contact(timestamp=value) for value in (0, -1, 253402300800, 1746269854290, "-5")
    ],
    "null_required:event_timestamp": [contact(timestamp=None), contact(timestamp="")],
}


@pytest.mark.parametrize(
    ("reason", "raw"), [(reason, raw) for reason, raws in REASONS.items() for raw in raws]
)
def test_web_logs_are_bad_for_one_reason(reason: str, raw: bytes) -> None:
    """What COPY would refuse, cut to nothing or take for something else is loaded."""
    assert judge(raw, WEB_LOGS).reasons == (reason,)


@pytest.mark.parametrize(("reason", "raw"), [(r, raw) for r, raws in CONTACT_REASONS.items() for raw in raws])
def test_contacts_are_bad_for_one_reason(reason: str, raw: bytes) -> None:
    """A number that is none, or not one of the column, is loaded."""
    assert judge(raw, CUSTOMER_INTERACTIONS).reasons == (reason,)


@pytest.mark.parametrize(
    "raw",
    [
        web(),
        web(user_id="u", page="é" * 100, browser=None, timestamp="1.5e9"),
        web(user_id=12345678901234567890, page=True, timestamp=-0.0),
        web({"timestamp": "2025-07-17 20:40:36.1Z"}),
        web({"timestamp": ""}, timestamp=""),
        web({"x": {"a": {"a": 1}}, "y": [1, {"y": None}]}, page=""),
        raw_web("page", b'"\\ud83d\\ude00"'),
        raw_web("extra", b'"\\u0000"'),
    ],
)
def test_good_record_is_left_as_it_stands(raw: bytes) -> None:
    """A record that COPY can take is quarantined, or re-spelled."""
    verdict = judge(raw, WEB_LOGS)
    assert (verdict.reasons, verdict.conformed, verdict.truncated) == ((), None, ())


def test_contact_spellings_are_good() -> None:
    """COPY takes a number in quotes for a number."""
    for raw in (
        contact(customer_id="+7", rating="5"),
        contact(rating=None),
        contact(timestamp="1746269854.5"),
    ):
        assert judge(raw, CUSTOMER_INTERACTIONS).good


def test_every_reason_is_named() -> None:
    """Repair fixes the first fault, and meets the next one."""
    verdict = judge(b'{"timestamp": "x", "payload": {"user_id": null, "page": []}}', WEB_LOGS)
    assert verdict.reasons == (
        "null_required:event_type",
        "wrong_type:page",
        "null_required:user_id",
        "null_required:session_id",
        "unparsable_timestamp:ingestion_timestamp",
    )


def test_all_null_flat_record_is_bad_for_its_nulls() -> None:
    """The record that made rows vanish in the old system."""
    verdict = judge(ALL_NULL_FLAT, WEB_LOGS)
    assert verdict.reasons == tuple(
        f"null_required:{name}" for name in ("event_type", "user_id", "session_id")
    )
    assert verdict.conformed is None


def test_flat_record_keeps_the_text_of_its_values() -> None:
    """A parse in between turns 1.10 into 1.1 and a 20-digit id into a float."""
    raw = (
        b'{"source":"web","timestamp":1746269854.10,"session_id":"s","user_id":12345678901234567890,"page":"\\u00e9",'
        b'"price":1.10,"list":[1e2,{"a":-0}],"event_type":"Click","ingestion_timestamp":"2025-07-17T20:40:36"}'
    )
    verdict = judge(raw, WEB_LOGS)
    assert (
        verdict.conformed
        == (
            '{"timestamp": "2025-07-17T20:40:36", "payload": {"source": "web", "timestamp": 1746269854.10, "session_id": '
            '"s", "user_id": 12345678901234567890, "page": "é", "price": 1.10, "list": [1e2, {"a": -0}], '
            '"event_type": "Click"}}'
        ).encode()
    )
    assert judge(verdict.conformed or b"", WEB_LOGS).reasons == ()
    assert verdict.present[:2] == ("$.timestamp", "$.payload.source")


def test_payload_that_is_null_makes_no_flat_record() -> None:
    """An envelope whose payload is missing is taken apart as if it were flat."""
    verdict = judge(json.dumps({**WEB, "payload": None}).encode(), WEB_LOGS)
    assert verdict.reasons[0] == "null_required:event_type"
    assert verdict.present == ("$.event_type", "$.user_id", "$.session_id", "$.payload")


def test_conformed_record_stays_within_the_limit() -> None:
    """A flat record just under 4 MiB outgrows it in its envelope, and COPY fails on the whole file."""
    flat = json.dumps({**WEB, "x": ""}, separators=(",", ":")).encode()
    raw = flat[:-2] + b"a" * (MAX_RECORD_BYTES - len(flat)) + flat[-2:]
    assert judge(raw, WEB_LOGS).reasons == ("record_too_large",)


def test_truncation_counts_bytes() -> None:
    """VARCHAR(255) holds 255 bytes, not 255 characters."""
    assert judge(web(page="é" * 127), WEB_LOGS).truncated == ()
    assert judge(web(page="é" * 128, browser="a" * 256), WEB_LOGS).truncated == ("browser", "page")
    assert judge(web(user_id=int("9" * 300)), WEB_LOGS).truncated == ("user_id",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), JSON, max_size=5))
def test_conforming_changes_no_value(members: dict[str, Any]) -> None:
    """A string with a quote, a control character or a surrogate pair is spelled so that it reads otherwise."""
    members = {k: v for k, v in members.items() if k not in ("payload", "ingestion_timestamp", *WEB)}
    verdict = judge(
        json.dumps({**members, **WEB, "browser": "b", "page": "p", "device_type": "d"}).encode(), WEB_LOGS
    )
    if verdict.good:
        assert verdict.conformed is not None
        payload = json.loads(verdict.conformed)["payload"]
        assert {k: payload[k] for k in members if k not in ("browser", "page", "device_type")} == {
            k: v for k, v in members.items() if k not in ("browser", "page", "device_type")
        }


def test_dump_escapes_what_json_must() -> None:
    """Text with quotes and control characters."""
    assert json.loads(dump('a"\\\n\0\x1f')) == 'a"\\\n\0\x1f'
    assert [dump(value) for value in (None, True, "é", [])] == ["null", "true", '"é"', "[]"]
