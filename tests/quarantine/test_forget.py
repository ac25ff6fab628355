"""`weblogs forget`: an hour is taken out of the warehouse and loaded anew, whatever was changed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from tests.quarantine.accounts import account, replay
from weblogs_platform.cli import weblogs
from weblogs_platform.core.errors import CountMismatch, HourNotReplaceable
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline.forget import Forgotten, forget_hour
from weblogs_platform.pipeline.replay import Replay
from weblogs_platform.repairs import repair_named
from weblogs_platform.streams import WEB_LOGS

SPELLING = Replay(repair=repair_named("user_id_spelling", WEB_LOGS))
OTHER_DAY = datetime(2021, 5, 6, 7, 30, tzinfo=UTC)


def forget(hour: Hour) -> Forgotten:
    return forget_hour(hour.lake, hour.warehouse, hour.spec, hour.hour, run_id="test")


def changed_hours(hour: Hour) -> set[datetime]:
    """The event hours of the last change of the table."""
    table = "source_table = 'shopware_stream.web_logs_stream'"
    with hour.warehouse.transaction() as tx:
        rows = tx.fetch_all(
            f"SELECT event_hour FROM shopware_ops.changed_hours WHERE {table} AND change_no = "
            f"(SELECT MAX(change_no) FROM shopware_ops.changed_hours WHERE {table})"
        )
    return {at.replace(tzinfo=UTC) for (at,) in rows}


@pytest.fixture
def replayed(hour: Hour) -> Hour:
    """An hour with a sound record, a replayed one whose event was on another day, and one that is still bad."""
    misspelt = web_log(2, user_id=..., userId=5002, timestamp=OTHER_DAY.timestamp())
    hour.drop("a", b"".join(map(encoded, (web_log(1), misspelt, web_log(3, session_id=...)))))
    hour.run()
    replay(hour, SPELLING)
    return hour


def test_an_hour_without_a_ledger_is_loaded_again(replayed: Hour) -> None:
    """Rows double where the ledger is gone, or something is left behind that no load gets past."""
    before, rows = account(replayed), replayed.rows()
    with replayed.warehouse.transaction() as tx:
        tx.execute(
            "DELETE FROM shopware_ops.load_history WHERE stream = 'web_logs' AND landing_hour = CAST(%s AS TIMESTAMP)",
            (replayed.hour.sql,),
        )
    with pytest.raises(CountMismatch, match="nothing was committed"):
        replayed.run()
    assert forget(replayed) == Forgotten(rows=2, objects=0, settled=0)
    replayed.run()
    assert len(account(replayed).open) == 2
    replay(replayed, SPELLING)
    assert (account(replayed), replayed.rows()) == (before, rows)


def test_the_event_hours_of_what_is_taken_out_are_computed_anew(replayed: Hour) -> None:
    """KPIs of another day keep a replayed record that is in quarantine again."""
    assert forget(replayed) == Forgotten(rows=2, objects=1, settled=1)
    assert OTHER_DAY.replace(minute=0) in changed_hours(replayed)
    assert replayed.rows() == []


def test_it_may_be_done_twice(replayed: Hour) -> None:
    """A range that was broken off cannot be given again."""
    forget(replayed)
    assert forget(replayed) == Forgotten(0, 0, 0)
    replayed.run()
    assert len(replayed.rows()) == 1


def test_what_could_not_be_loaded_again_stays(hour: Hour) -> None:
    """Rows of an object that landing has no more are gone for good."""
    keys = [hour.drop_records(name, number) for name, number in (("a", 1), ("b", 2))]
    hour.run()
    hour.remove(keys[1])
    rows, before = hour.rows(), account(hour)
    with pytest.raises(HourNotReplaceable, match=r"landing no longer has it .*nothing was taken out"):
        forget(hour)
    assert (hour.rows(), account(hour)) == (rows, before)


def test_a_version_that_the_policy_keeps_stays(hour_of: Callable[..., Hour]) -> None:
    """Where rewritten objects are ignored, the loaded version gives way to the new one."""
    hour = hour_of(replace(WEB_LOGS, on_rewritten="ignore"))
    hour.drop_records("a", 1)
    hour.run()
    hour.drop_records("a", 2)
    hour.run()
    rows = hour.rows()
    with pytest.raises(HourNotReplaceable, match="as it was"):
        forget(hour)
    assert hour.rows() == rows


def test_rows_of_an_empty_landing_hour_stay(hour: Hour) -> None:
    """With ledger and objects gone, nobody says that the rows are the last of their records."""
    key = hour.drop_records("a", 1)
    hour.run()
    hour.remove(key)
    with hour.warehouse.transaction() as tx:
        tx.execute(
            "DELETE FROM shopware_ops.load_history WHERE stream = 'web_logs' AND landing_hour = CAST(%s AS TIMESTAMP)",
            (hour.hour.sql,),
        )
    with pytest.raises(HourNotReplaceable, match="has 1 rows and landing has no object"):
        forget(hour)
    assert len(hour.rows()) == 1


def test_the_command_says_what_it_took_and_what_to_do(replayed: Hour, warehouse_stack: Endpoints) -> None:
    """Nobody knows that the hours have to be loaded, or that replayed records are in quarantine again."""
    start, end = (f"{hour.start:%Y-%m-%dT%H}" for hour in (replayed.hour, replayed.hour.plus(1)))
    arguments = ["forget", "--stream", "web_logs", "--from", start, "--to", end]
    said = [
        CliRunner().invoke(weblogs, arguments, env=warehouse_stack.platform_variables()) for _ in range(2)
    ]
    assert [result.exit_code for result in said] == [0, 0], said[0].output
    assert said[0].output.splitlines() == [
        f"web_logs {replayed.hour.partition_key}: 2 rows of 1 objects taken out; 1 records are in quarantine again",
        f"now: weblogs load --stream web_logs --from {start} --to {end}",
    ]
    assert said[1].output == "web_logs: the warehouse has nothing of these hours\n"
