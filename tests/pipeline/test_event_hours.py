"""When things happened, and which event hours a load changed: what everything computed by event time rests on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, interaction, web_log
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, WEB_LOGS

DAY = datetime(2021, 3, 4, tzinfo=UTC)


def _event(session: str, at: datetime) -> bytes:
    return encoded(web_log(1, session_id=session, timestamp=at.timestamp()))


def _hour(at: datetime) -> LandingHour:
    return LandingHour.containing(at)


def _event_times(hour: Hour) -> list[Any]:
    sql = f"SELECT event_at FROM {hour.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP) ORDER BY 1"
    with hour.warehouse.transaction() as tx:
        return [at.replace(tzinfo=UTC) for (at,) in tx.fetch_all(sql, (hour.hour.sql,))]


def _recorded(hour: Hour, change_no: int) -> dict[LandingHour, int]:
    sql = (
        "SELECT event_hour, SUM(changed_rows) FROM shopware_ops.changed_hours "
        "WHERE source_table = %s AND change_no = %s GROUP BY 1"
    )
    with hour.warehouse.transaction() as tx:
        rows = tx.fetch_all(sql, (hour.spec.qualified_table, change_no))
    return {LandingHour(at.replace(tzinfo=UTC)): int(n) for at, n in rows}


def _last_change(hour: Hour) -> int:
    sql = "SELECT COALESCE(MAX(change_no), 0) FROM shopware_ops.changed_hours WHERE source_table = %s"
    with hour.warehouse.transaction() as tx:
        [(number,)] = tx.fetch_all(sql, (hour.spec.qualified_table,))
    return int(number)


INGESTED = datetime(2025, 7, 17, 20, 40, 36, 66373, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "ingested", "expected"),
    [
        (DAY.timestamp() + 0.25, ..., DAY + timedelta(seconds=0.25)),
        (None, ..., INGESTED),
        (-5, ..., INGESTED),
        (1e300, ..., INGESTED),
        (DAY.timestamp() * 1000, ..., INGESTED),
        (WEB_LOGS.first_hour.start.timestamp(), ..., WEB_LOGS.first_hour.start),
        (WEB_LOGS.first_hour.start.timestamp() - 1, ..., INGESTED),
        (5.0, ..., INGESTED),
        (253_402_300_799, ..., INGESTED),
        (None, None, None),
        (None, "1999-12-31T23:59:59", None),
    ],
)
def test_the_event_time_is_the_first_usable_one(
    hour: Hour, event: float | None, ingested: object, expected: datetime | None
) -> None:
    """A clock that is wrong breaks every statement over event time, or puts an event, and the session that it belongs
    to, where no partition is."""
    envelope = web_log(1, timestamp=event)
    if ingested is None:
        del envelope["timestamp"]
    elif ingested is not ...:
        envelope["timestamp"] = ingested
    hour.drop("a", encoded(envelope))
    hour.run()
    [found] = _event_times(hour)
    assert found == (expected or hour.hour.start)


def test_a_clock_that_is_a_day_ahead_is_the_last_to_be_believed(hour: Hour) -> None:
    """An event of next year moves its session out of what is computed, or one of a clock that is an hour ahead moves."""
    now = datetime.now(UTC)
    hour.drop("a", _event("near", now + timedelta(hours=23)) + _event("far", now + timedelta(hours=25)))
    hour.run()
    assert _event_times(hour) == [
        INGESTED,
        pytest.approx(now + timedelta(hours=23), abs=timedelta(milliseconds=1)),
    ]


def test_an_interaction_has_the_time_of_its_event(hour: Hour) -> None:
    """The TIMESTAMP that COPY cannot read, epoch seconds, is converted twice, and once wrongly."""
    hour = hour.of(CUSTOMER_INTERACTIONS)
    hour.drop("a", encoded(interaction(1, timestamp=DAY.timestamp())))
    hour.run()
    assert _event_times(hour) == [DAY]


def test_an_append_reports_the_hours_of_what_came(hour: Hour) -> None:
    """A late record is loaded, and the day it belongs to is never computed again."""
    late, now = DAY - timedelta(days=3), DAY + timedelta(minutes=61)
    hour.drop("a", _event("s1", late) + _event("s2", now) + _event("s3", now))
    _, outcome = hour.run()
    assert outcome.changed_hours == {_hour(late): 1, _hour(now): 2}
    assert _recorded(hour, _last_change(hour)) == outcome.changed_hours


def test_a_load_that_does_nothing_reports_nothing(hour: Hour) -> None:
    """Every retry makes a day stale, and the KPIs are computed for ever."""
    hour.drop("a", _event("s1", DAY))
    hour.run()
    before = _last_change(hour)
    _, outcome = hour.run()
    assert (outcome.changed_hours, _last_change(hour)) == ({}, before)


def test_the_other_events_of_a_session_are_reported(hour: Hour) -> None:
    """A session gets an earlier first event: the day where it started before keeps a row of it."""
    start, end = DAY + timedelta(hours=23, minutes=50), DAY + timedelta(hours=24, minutes=10)
    hour.drop("a", _event("over-midnight", end) + _event("another", DAY))
    hour.run()
    hour.drop("b", _event("over-midnight", start))
    _, outcome = hour.run()
    assert outcome.changed_hours == {_hour(start): 1, _hour(end): 0}


def test_a_replacement_reports_what_went_and_what_came(hour: Hour) -> None:
    """A rewritten object moves its events to another day, and the old day keeps their figures."""
    before, after, kin = DAY, DAY + timedelta(days=1), DAY + timedelta(hours=5)
    hour.drop("a", _event("moved", before))
    other = hour.drop("b", _event("moved", kin))
    hour.run()
    hour.drop("a", _event("moved", after))
    _, outcome = hour.run()
    assert outcome.action == "replace"
    assert outcome.changed_hours == {_hour(before): 1, _hour(after): 1, _hour(kin): 2}
    assert other in {line.key for line in outcome.ledger}


def test_streams_without_an_entity_report_their_own_hours_only(hour: Hour) -> None:
    """Contacts of one customer are taken for one thing: each makes his whole history stale."""
    hour = hour.of(CUSTOMER_INTERACTIONS)
    assert (WEB_LOGS.entity, CUSTOMER_INTERACTIONS.entity) == ("session_id", None)
    hour.drop("a", encoded(interaction(1, timestamp=DAY.timestamp())))
    hour.run()
    hour.drop("b", encoded(interaction(1, timestamp=DAY.timestamp() + 86400)))
    _, outcome = hour.run()
    assert outcome.changed_hours == {_hour(DAY + timedelta(days=1)): 1}
