"""The share of bad records that keeps an hour out, where several runs work on the hour."""

from __future__ import annotations

import pytest

from assets.hour_steps import HourSteps
from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from weblogs_platform.core.errors import HourBlocked

BAD = encoded(web_log(1, session_id=...))


def steps(hour: Hour, run_id: str) -> HourSteps:
    return HourSteps(hour.spec, hour.lake, hour.warehouse, hour.hour, run_id)


def test_what_is_loaded_is_what_was_judged(hour: Hour) -> None:
    """An hour that one run refuses is loaded by another, which judged it before the bad records came."""
    sound = hour.drop_records("a", 1, 2)
    earlier, later = steps(hour, "earlier"), steps(hour, "later")
    earlier.validated()
    hour.drop("b", BAD * 9)
    later.validated()
    with pytest.raises(HourBlocked):
        later.table()
    earlier.manifest()
    earlier.table()
    assert [line[0] for line in hour.ledger()] == [sound]
    with pytest.raises(HourBlocked):
        steps(hour, "last").table()


def test_who_judged_a_blocked_hour_does_not_load_what_came_to_it(hour: Hour) -> None:
    """A run goes on once another has found the hour well, with a report that it has not looked at."""
    hour.drop("a", BAD)
    earlier, later = steps(hour, "earlier"), steps(hour, "later")
    earlier.validated()
    hour.drop_records("b", *range(9))
    later.validated()
    with pytest.raises(HourBlocked):
        earlier.table()
    assert hour.ledger() == []
    later.table()
    assert len(hour.rows()) == 9
