"""What the reconcile finds is written down, with its age, and is gone when it is loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from assets.automation.survey import not_loaded, with_ledger
from tests.pipeline.hours import Hour
from weblogs_platform.dashboard.queries import text_of
from weblogs_platform.pipeline.findings import Look, record_look

AT = datetime(2199, 11, 22, 14, 7, tzinfo=UTC)
"""After every load that a test makes."""


def look(hour: Hour, at: datetime = AT, days: int = 1) -> None:
    """One look of the reconcile at the hour, and at that many days."""
    states = with_ledger(hour.warehouse, hour.spec, {hour.hour: hour.listed()})
    found = [f for state in states for f in not_loaded(hour.spec, state)] if days else []
    day = hour.hour.start.date()
    seen = {day + timedelta(days=n) for n in range(days)}
    record_look(hour.warehouse, hour.spec, Look(at, seen, len(hour.listed()), found, "said"))


def shown(hour: Hour) -> list[tuple[str, str, datetime]]:
    """Key, kind and since when, as the dashboards show what was found in the hour."""
    rows = hour.warehouse.fetch_frame(text_of("health_findings"), {"stream": hour.spec.name})
    rows = rows[rows["landing_hour"] == hour.hour.start.replace(tzinfo=None)]
    return list(
        zip(rows["object_key"], rows["kind"], map(pd.Timestamp.to_pydatetime, rows["first_at"]), strict=True)
    )


def test_what_landing_has_and_the_ledger_has_not_is_shown_until_it_is_loaded(hour: Hour) -> None:
    """An object that no run brought in is known to nobody; or one that was loaded since goes on being told."""
    first, later = AT.replace(tzinfo=None), AT + timedelta(hours=1)
    hour.drop_records("a", 1)
    rewritten = hour.drop_records("b", 2)
    hour.run()
    look(hour)
    assert shown(hour) == []
    new = hour.drop_records("c", 3)
    hour.drop_records("b", 4)
    look(hour)
    assert shown(hour) == [(rewritten, "rewritten", first), (new, "new", first)]
    late = hour.drop_records("d", 5)
    look(hour, later)
    assert shown(hour)[-1] == (late, "new", later.replace(tzinfo=None))
    assert shown(hour)[0] == (rewritten, "rewritten", first)
    look(hour, later, days=0)  # at other days
    assert len(shown(hour)) == 3
    hour.run()
    assert shown(hour) == []


def test_what_was_rewritten_again_and_loaded_is_of_the_past(hour: Hour) -> None:
    """A version that nobody can load any more is told until the reconcile comes by."""
    before_all_loads = AT.replace(year=1999)
    hour.drop_records("a", 1)
    look(hour, before_all_loads)
    assert len(shown(hour)) == 1
    hour.drop_records("a", 2)
    hour.run()
    assert shown(hour) == []
