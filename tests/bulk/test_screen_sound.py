"""The screen's one rule: what it calls good, framing and judgement call good as it stands, with nothing cut."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.bulk.record_texts import odd_text, sound_record
from tests.bulk.sinks import screen_of
from weblogs_platform.core.framing import Framer
from weblogs_platform.core.spec import MAX_RECORD_BYTES, StreamSpec
from weblogs_platform.core.validation import judge
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, FIREHOSE_STREAMS, WEB_LOGS

SEARCH = settings(
    deadline=None,
    max_examples=90,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
WEB = (
    '{"timestamp": %s, "payload": {"event_type": "Click", "user_id": 1, "session_id": "s", "timestamp": %s}}'
)
CONTACT = '{"payload": {"customer_id": %s, "interaction_type": "Loyalty", "timestamp": %s, "rating": %s}}'


def check_sound(spec: StreamSpec, stretches: list[bytes]) -> int:
    """Compares the screen's word with the judge's, stretch by stretch; returns how many it proved."""
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in stretches])]).astype(np.int64)
    screened = screen_of(spec.name).examine(b"".join(stretches), offsets)
    for number, stretch in enumerate(stretches):
        if not screened.good[number]:
            continue
        text = stretch.decode("latin-1")
        framer = Framer(spec.payload, spec.flat_marks)
        piece = framer.next_piece(text, 0, final=True)
        assert piece is not None
        assert (piece.problem, piece.unwrapped) == (None, False), stretch
        assert framer.next_piece(text, piece.end, final=True) is None
        verdict = judge(stretch[piece.start : piece.end], spec)
        assert (verdict.reasons, verdict.conformed, verdict.truncated) == ((), None, ()), stretch
        alone = np.arange(len(stretches)) == number
        assert screened.present_in(alone) == dict.fromkeys(verdict.present, 1)
    return int(screened.good.sum())


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda spec: spec.name)
def test_screen_never_passes_what_the_judge_refuses(spec: StreamSpec) -> None:
    """DuckDB's reader takes more for JSON than COPY does, and casts what COPY refuses: a bad row reaches COPY."""

    @SEARCH
    @given(st.lists(odd_text(spec), min_size=1, max_size=12))
    def search(stretches: list[bytes]) -> None:
        check_sound(spec, stretches)

    search()


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda spec: spec.name)
def test_screen_proves_sound_records(spec: StreamSpec) -> None:
    """A screen that doubts everything is sound, and slow."""

    @settings(SEARCH, max_examples=30)
    @given(st.lists(sound_record(spec), min_size=1, max_size=12))
    def search(records: list[dict[str, object]]) -> None:
        assert check_sound(spec, [json.dumps(record).encode() + b"\n" for record in records]) == len(records)

    search()


@settings(SEARCH, max_examples=80)
@given(st.binary(max_size=40), st.integers(0, 200), st.integers(0, 30))
@example(b"", 0, 1)
def test_random_bytes_in_a_record_are_never_passed_wrongly(junk: bytes, at: int, length: int) -> None:
    """Bytes that are not UTF-8, or that end a string early, are taken for a record."""
    text = (WEB % ('"2025-07-17T20:40:36"', "1.5")).encode()
    check_sound(WEB_LOGS, [text, text[:at] + junk + text[at + length :], text])


@pytest.mark.parametrize("hour", ["24:00:00", "23:59:60", "24:00:00Z", "23:60:00"])
def test_times_that_readers_differ_on_are_doubted(hour: str) -> None:
    """DuckDB takes 24:00:00 for the next day, Python refuses it: the screen passed what the judge quarantines."""
    assert check_sound(WEB_LOGS, [(WEB % (f'"2025-07-17T{hour}"', "1.5")).encode()]) == 0


@pytest.mark.parametrize("number", ["1e-400", "1e999", "0." + "0" * 400 + "1", "NaN", "-Infinity", "-0.0"])
def test_numbers_beyond_a_double_are_doubted(number: str) -> None:
    """A number that DuckDB rounds to zero was proven good, and COPY refuses it."""
    assert check_sound(WEB_LOGS, [(WEB % ('"2025-07-17T20:40:36"', number)).encode()]) == 0
    assert check_sound(CUSTOMER_INTERACTIONS, [(CONTACT % ("7", number, "null")).encode()]) == 0


def test_long_number_means_the_same_to_both() -> None:
    """A number of 400 digits was good to the screen, which sees it shortened, and bad to the judge."""
    number = "1746269854." + "0" * 420
    assert check_sound(CUSTOMER_INTERACTIONS, [(CONTACT % ("7", number, "3")).encode()]) == 1


def test_size_limit_is_of_the_record() -> None:
    """A record just over 4 MiB is proven good."""
    head, tail = (WEB % ('"2025-07-17T20:40:36"', "1.5")).encode()[:-2] + b', "x": "', b'"}}'
    fits = head + b"a" * (MAX_RECORD_BYTES - len(head) - len(tail)) + tail
    assert check_sound(WEB_LOGS, [fits]) == 1
    assert check_sound(WEB_LOGS, [fits[:-3] + b'a"}}']) == 0


def test_shapes_without_end_are_learnt_together() -> None:
    """Each record with members of its own cost a query of its own: 50 times the time of a block."""
    rows = [
        (WEB % ('"2025-07-17T20:40:36"', "1.5")).encode()[:-2] + b', "k%d": 1}}\n' % n for n in range(20_000)
    ]
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    screen = screen_of("web_logs")
    screened = screen.examine(b"".join(rows), offsets)
    assert screened.good.all()
    assert len(np.unique(screened.fingerprints)) == len(rows)
    assert screen._paths_known <= 200_000 + 20_000 * 6


def test_members_are_named_up_to_a_limit() -> None:
    """A record of 20,000 members fills the report, and the memory, with names."""
    extra = b"".join(b', "k%d": %d' % (n, n) for n in range(20_000))
    row = (WEB % ('"2025-07-17T20:40:36"', "1.5")).encode()[:-2] + extra + b"}}"
    assert check_sound(WEB_LOGS, [row]) == 1
    assert len(judge(row, WEB_LOGS).present) == 500
