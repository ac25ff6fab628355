"""Templates prove by spelling alone: what one matches, the judge calls good as it stands, with nothing cut."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bulk.record_texts import mutated, odd_text, sound_record
from weblogs_platform.bulk.lines import Offsets
from weblogs_platform.bulk.stream_templates import layout_of
from weblogs_platform.bulk.templates import NO_TEMPLATE, Templates, template_of
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.validation import judge
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, FIREHOSE_STREAMS, WEB_LOGS

SEARCH = settings(
    deadline=None,
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
WEB = (
    '{"timestamp": "2025-07-17T20:40:36.066373", "payload": {"event_type": "Click", "browser": "Chrome", '
    '"device_type": "Mobile", "page": %s, "user_id": 2331, "session_id": "s-1", "timestamp": %s}}'
)


def offsets_of(stretches: list[bytes]) -> Offsets:
    return np.concatenate([[0], np.cumsum([len(s) for s in stretches])]).astype(np.int64)


def proven(spec: StreamSpec, example: bytes, stretches: list[bytes]) -> list[bytes]:
    """Those of the stretches that the example's template holds; each of them is held against the judge."""
    templates = Templates(layout_of(spec))
    templates.match(example, offsets_of([example]))
    numbers = templates.match(b"".join(stretches), offsets_of(stretches))
    held = [(s, n) for s, n in zip(stretches, numbers.tolist(), strict=True) if n != NO_TEMPLATE]
    for stretch, number in held:
        verdict = judge(stretch.strip(b" \t\r\n"), spec)
        assert (verdict.reasons, verdict.conformed, verdict.truncated) == ((), None, ()), stretch
        assert sorted(templates.paths_of(number)) == sorted(verdict.present)
    return [stretch for stretch, _ in held]


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda spec: spec.name)
def test_templates_never_prove_what_the_judge_refuses(spec: StreamSpec) -> None:
    """A spelling that nobody thought of goes past both the screen and the judge, into COPY."""

    @SEARCH
    @given(st.lists(odd_text(spec), min_size=1, max_size=12), st.integers(0, 11))
    def search(stretches: list[bytes], chosen: int) -> None:
        proven(spec, stretches[chosen % len(stretches)], stretches)

    search()


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda spec: spec.name)
def test_one_changed_byte_is_judged(spec: StreamSpec) -> None:
    """A byte put into a sound record, of which the template is known, is not noticed."""

    @SEARCH
    @given(st.data())
    def search(data: st.DataObject) -> None:
        text = json.dumps(data.draw(sound_record(spec))).encode()
        proven(spec, text, [text, *(data.draw(mutated(text)) for _ in range(8))])

    search()


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda spec: spec.name)
def test_records_alike_are_proven_by_one_example(spec: StreamSpec) -> None:
    """Templates that prove next to nothing are sound, and slow. Zero is left to the screen."""

    @settings(SEARCH, max_examples=30)
    @given(sound_record(spec))
    def search(record: dict[str, object]) -> None:
        text = json.dumps(record).encode()
        spaced = json.dumps(record, indent=1, separators=(" ,", " : ")).encode() + b"\r\n"
        assert proven(spec, text, [text, spaced]) == [text, spaced]

    search()


@pytest.mark.parametrize(
    ("page", "held"),
    [
        ('"' + "a" * 100 + '"', True),
        ('"' + "a" * 256 + '"', False),
        ('"' + "\u00e9" * 50 + '"', True),
        ('"' + "\u00e9" * 128 + '"', False),
        ('"\U0001f600 \u4e2d"', True),
        ("123456789012345678", True),
        ("1.10", False),
        ('"a\\u0041"', False),
        ('"a\tb"', False),
        ("null", True),
        ("{}", False),
    ],
)
def test_limits_of_text(page: str, held: bool) -> None:
    """A value that COPY cuts passes, since only the length of the whole record is looked at; or the long is slow."""
    record = (WEB % (page, "1.5")).encode()
    assert proven(WEB_LOGS, (WEB % ('"app"', "1.5")).encode(), [record]) == ([record] if held else [])


@pytest.mark.parametrize(
    "junk", [b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xff"]
)
def test_text_that_is_not_utf8_is_not_proven(junk: bytes) -> None:
    """Lone, overlong, surrogate and cut sequences: the expression is on bytes, and must know UTF-8 by itself."""
    record = (WEB % ('"@"', "1.5")).encode()
    assert proven(WEB_LOGS, record, [record, record.replace(b"@", junk)]) == [record]


@pytest.mark.parametrize(
    "day", ["2024-02-29", "2023-02-29", "2025-04-31", "2025-00-10", "2025-12-32", "0000-01-01"]
)
def test_days_that_need_a_calendar_are_left_to_the_screen(day: str) -> None:
    """The 31st of April is a date to an expression that counts digits."""
    record = (WEB % ('"app"', "1.5")).encode()
    assert proven(WEB_LOGS, record, [record, record.replace(b"2025-07-17", day.encode())]) == [record]


@pytest.mark.parametrize(
    "number", ["0", "-0.0", "1e5", "0.0", "01", "1234567890123456789", "1." + "0" * 41, "1.", "+1"]
)
def test_odd_numbers_are_left_to_the_screen(number: str) -> None:
    """A number that a DOUBLE cannot hold is proven by its digits."""
    record = (WEB % ('"app"', "1.5")).encode()
    assert proven(WEB_LOGS, record, [(WEB % ('"app"', number)).encode()]) == []


@pytest.mark.parametrize(
    "example",
    [
        b"",
        b"[]",
        b"{",
        b'"text"',
        b'{"payload": null}',
        b'{"payload": {"event_type": "Click", "user_id": 1}}',
        b'{"payload": {"event_type": 1, "user_id": 1, "session_id": 1}, "payload": {}}',
        b'{"payload": {"event_type": 1, "user_id": 1, "session_id": 1, "user_id": 2}}',
        b'{"payload": {"event_type": 1, "user_id": 1, "session_id": 1, "deep": {"a": 1}}}',
        b'{"payload": {"event_type": 1, "user_id": 1, "session_id": 1, "a b": 1}}',
        b'{"event_type": 1, "user_id": 1, "session_id": 1}',
        b"[" * 100_000,
    ],
)
def test_nothing_is_learnt_from_odd_examples(example: bytes) -> None:
    """A template of a flat, repeating or nested record proves others like it."""
    assert template_of(example, layout_of(WEB_LOGS)) is None


def test_odd_records_take_no_places() -> None:
    """Eight odd records at the start of an object made every later one slow."""
    odd = [(WEB % ('"app"', "1.5")).replace('"page"', f'"k{n}": 1, "page"').encode() for n in range(100)]
    templates = Templates(layout_of(WEB_LOGS))
    templates.match(b"".join(odd), offsets_of(odd))
    alike = [(WEB % ('"app"', "1.5")).encode()] * 50
    assert (templates.match(b"".join(alike), offsets_of(alike)) != NO_TEMPLATE).all()


def test_rating_within_its_range() -> None:
    """A range that an expression can hold, it holds."""
    row = b'{"payload": {"customer_id": 7, "interaction_type": "Loyalty", "timestamp": 1746269854.5, "rating": %s}}'
    rows = [row % rating for rating in (b"0", b"1", b"5", b"6", b"55", b"null")]
    assert proven(CUSTOMER_INTERACTIONS, rows[1], rows) == [rows[1], rows[2], rows[5]]
