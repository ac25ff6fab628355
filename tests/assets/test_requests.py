"""Which hours are requested, from listing, ledger, running and finished runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from assets.automation.requests import MAX_REQUESTS, PAUSES, FinishedRun, HourState, contiguous, decide
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.streams import WEB_LOGS

FIRST = LandingHour.from_argument("2025-07-20T10")
NOW = datetime(2025, 7, 21, tzinfo=UTC)


@pytest.fixture
def states(make_object):
    def make(*offsets: int, etag: str = "e1") -> list[HourState]:
        hours = [FIRST.plus(offset) for offset in offsets]
        return [HourState(hour, (make_object("a", hour, etag),)) for hour in hours]

    return make


def finished(*states: HourState, minutes_ago: float, succeeded: bool = False) -> FinishedRun:
    return FinishedRun(NOW - timedelta(minutes=minutes_ago), frozenset(s.content for s in states), succeeded)


def decision(lacking, active=(), runs=()):
    return decide(spec=WEB_LOGS, lacking=lacking, active=active, finished=runs, now=NOW)


def test_contiguous_hours_are_one_run(states):
    """A run a partition costs sixty times as much as one run over a range."""
    made = decision(states(0, 1, 2, 5)).requests
    assert [[h.partition_key[-5:-3] for h in r.hours] for r in made] == [["10", "11", "12"], ["15"]]


def test_a_run_has_24_hours_at_most(states):
    """What one crash can undo, and what one run shows, stays bounded."""
    assert [len(group) for group in contiguous(states(*range(50)))] == [24, 24, 2]


def test_nothing_is_requested_twice_while_queued_or_running(states):
    """Two runs of an hour only wait for each other's lock."""
    made = decision(states(0, 1, 2), active={FIRST.plus(1)})
    assert [list(r.hours) for r in made.requests] == [[FIRST], [FIRST.plus(2)]]
    assert "queued" in made.notes[0]


def test_a_failed_hour_is_requested_again_after_a_pause_under_another_key(states):
    """Dagster never runs a run key twice: with a fixed key a failed hour would be lost for good."""
    before = decision(states(0)).requests[0].run_key
    assert decision(states(0), runs=[finished(*states(0), minutes_ago=0.1)]).requests == ()
    after = decision(states(0), runs=[finished(*states(0), minutes_ago=1)]).requests[0].run_key
    assert before != after


def test_attempts_grow_rare_and_never_end(states):
    """An hour over the invalid threshold must not be run all the time, nor be forgotten when a role that was broken for a
    night is mended."""
    for failed in (len(PAUSES) - 1, len(PAUSES), 50):
        early = [finished(*states(0), minutes_ago=60 * (23 + 24 * n)) for n in range(failed)]
        made = decision(states(0), runs=early)
        assert made.requests == ()
        assert f"failed {failed} times; again after 20" in made.notes[0]
        late = [finished(*states(0), minutes_ago=60 * (24 + 24 * n)) for n in range(failed)]
        assert len(decision(states(0), runs=late).requests) == 1


def test_other_content_begins_a_new_count(states):
    """The producer repaired the hour: what failed before says nothing about it, whatever S3's clock says of when the
    object was written. By times, an object that an upload in parts began before those runs was never requested."""
    runs = [finished(*states(0), minutes_ago=0) for _ in PAUSES]
    assert len(decision(states(0, etag="e2"), runs=runs).requests) == 1


def test_content_that_was_loaded_once_is_requested_again_under_another_key(states):
    """Rewritten, and then again what it was: with the key of its first run the daemon takes it for done for ever."""
    before = decision(states(0)).requests[0].run_key
    runs = [finished(*states(0), minutes_ago=9 - n, succeeded=True) for n in range(8)]
    assert decision(states(0), runs=runs).requests[0].run_key != before
    just_now = finished(*states(0), minutes_ago=0.1, succeeded=True)
    assert decision(states(0), runs=[*runs, just_now]).requests == ()


def test_a_clock_that_was_set_back_keeps_no_hour_waiting(states):
    """A run that ended tomorrow, by a clock that was a day ahead, held its hour until then."""
    assert len(decision(states(0), runs=[finished(*states(0), minutes_ago=-60 * 24)]).requests) == 1


def test_rewritten_content_has_another_run_key(states):
    """Same hour, same number of attempts, another ETag: a run of its own."""
    assert decision(states(0)).requests[0].run_key != decision(states(0, etag="e2")).requests[0].run_key


def test_a_tick_requests_a_bounded_number_of_runs(states):
    """A tick has a minute; what it leaves is lacking at the next one too."""
    made = decision(states(*range(0, 4 * MAX_REQUESTS, 2)))
    assert len(made.requests) == MAX_REQUESTS
    assert f"{MAX_REQUESTS} more runs" in made.notes[-1]


def test_the_ledger_alone_says_that_an_hour_is_loaded(make_object, make_line):
    """Key and ETag both: a rewritten object is not loaded, a vanished one needs no run."""
    assert HourState(FIRST, (make_object("a"),), (make_line("a"),)).is_loaded(WEB_LOGS)
    assert not HourState(FIRST, (make_object("a", etag="e2"),), (make_line("a"),)).is_loaded(WEB_LOGS)
    assert not HourState(FIRST, (make_object("a"), make_object("b")), (make_line("a"),)).is_loaded(WEB_LOGS)
    assert HourState(FIRST, (), (make_line("a"),)).is_loaded(WEB_LOGS)
