"""What the answers of the verification queries mean, without a warehouse."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from weblogs_platform.commands.findings import is_well
from weblogs_platform.commands.verdicts import (
    CopyError,
    LandedHour,
    LedgerHour,
    OpenAlert,
    SalesDay,
    judge_alerts,
    judge_copies,
    judge_files,
    judge_freshness,
    judge_hours,
    judge_lag,
    judge_load_errors,
    judge_not_loaded,
    judge_reconciliation,
    judge_stale,
    judge_strays,
    judge_tables,
)
from weblogs_platform.kpis import TABLES
from weblogs_platform.streams import WEB_LOGS

TEN = datetime(2025, 7, 20, 10)  # noqa: DTZ001 - TIMESTAMPs are UTC without their zone


def hours(count: int, loaded: int = 9, quarantined: int = 1) -> list[LedgerHour]:
    return [
        LedgerHour("web_logs", TEN + timedelta(hours=n), 2, 10, loaded, quarantined, 0) for n in range(count)
    ]


def rows(count: int, each: int = 9) -> dict[datetime, int]:
    return {TEN + timedelta(hours=n): each for n in range(count)}


def test_what_adds_up_is_said_in_one_sentence() -> None:
    """A sentence for each hour hides the one that matters."""
    [finding] = judge_hours(WEB_LOGS, hours(24), rows(24))
    assert finding.level == "ok"
    assert "240 records of 24 hours = 216 loaded + 24 quarantined + 0 dropped" in finding.says


def test_nothing_loaded_is_not_a_problem() -> None:
    """A stream that nobody delivers to fails the check for ever."""
    [finding] = judge_hours(WEB_LOGS, [], {})
    assert finding.level == "note"
    assert "nothing is loaded" in finding.says


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({TEN: 8}, "the table has 8 rows, the ledger says 9"),
        ({}, "the table has 0 rows, the ledger says 9"),
        ({TEN: 9, TEN + timedelta(hours=1): 1}, "the table has 1 row, the ledger does not know the hour"),
    ],
)
def test_a_table_that_differs_from_the_ledger_is_a_problem(found: dict[datetime, int], says: str) -> None:
    """Rows that came or went by hand go unnoticed, or it is not said how to mend that."""
    [finding] = judge_hours(WEB_LOGS, hours(1), found)
    assert finding.level == "problem"
    assert says in finding.says
    assert "`weblogs forget --stream web_logs --from 2025-07-20T1" in finding.todo
    assert "weblogs load --stream web_logs --from 2025-07-20T1" in finding.todo


def test_an_hour_with_only_bad_records_has_no_rows() -> None:
    """An hour whose records were all quarantined counts as lost."""
    [finding] = judge_hours(WEB_LOGS, hours(1, loaded=0, quarantined=10), {})
    assert finding.level == "ok"


def test_many_hours_that_differ_are_not_all_named() -> None:
    """A lost table prints a page for each of its hours."""
    findings = judge_hours(WEB_LOGS, hours(100), {})
    assert len(findings) == 4
    assert findings[-1].says == "web_logs: so do 97 more hours, up to 2025-07-24 13:00"
    assert len(judge_hours(WEB_LOGS, hours(3), {})) == 3


def test_a_ledger_that_does_not_add_up_is_a_problem() -> None:
    """Records vanish without anybody noticing."""
    [finding] = judge_hours(WEB_LOGS, hours(1, quarantined=0), rows(1))
    assert finding.level == "problem"
    assert "10 records are not 9 loaded + 0 quarantined + 0 dropped" in finding.says


def test_missing_tables_are_named() -> None:
    """Half an installation looks like a whole one."""
    finding = judge_tables({"a.one", "a.other"}, ["a.one", "a.two"])
    assert (finding.level, finding.says) == ("problem", "1 of 2 tables are missing: a.two")
    assert "weblogs init" in finding.todo
    assert judge_tables({"a.one", "a.two"}, ["a.one", "a.two"]).level == "ok"


@pytest.mark.parametrize(("age_hours", "level"), [(0, "ok"), (4, "ok"), (4.01, "problem")])
def test_freshness_counts_from_the_end_of_the_hour(age_hours: float, level: str) -> None:
    """An hour is late before it is over, or days late and nobody says so."""
    assert WEB_LOGS.freshness_hours == 3
    finding = judge_freshness(WEB_LOGS, TEN, TEN + timedelta(hours=age_hours))
    assert finding.level == level
    assert "2025-07-20 10:00" in finding.says


@pytest.mark.parametrize(
    ("secs", "says"),
    [
        (-360, "are loaded within their hour (median), the last one within their hour"),
        (35.4, "35 s after"),
        (600, "10 min after"),
        (36_000, "10 h after"),
        (864_000, "10 days after"),
    ],
)
def test_lag_is_said_in_units_that_people_use(secs: float, says: str) -> None:
    """864000 s, or -6 min after the end of an hour that goes on."""
    assert says in judge_lag("web_logs", secs, secs).says


def landed(hours_found: list[tuple[int, int]]) -> list[LandedHour]:
    """Hours one after the other, with so many objects, of which so many were found before."""
    return [
        LandedHour("web_logs", TEN + timedelta(hours=n), "object", objects, before, TEN)
        for n, (objects, before) in enumerate(hours_found)
    ]


def test_objects_are_held_when_a_second_look_finds_them() -> None:
    """An hour that a threshold holds back is not named; or one whose run is under way is called a problem."""
    [fresh] = judge_not_loaded(landed([(2, 0), (1, 0)]))
    assert (fresh.level, fresh.says[:9]) == ("note", "3 objects")
    held, fresh = judge_not_loaded(landed([(2, 1), (1, 0)]))
    assert (held.level, fresh.level, fresh.says[:8]) == ("problem", "note", "1 object")
    assert held.says.startswith("web_logs, 2025-07-20 10:00: 2 objects landed and not loaded")
    assert "--from 2025-07-20T10 --to 2025-07-20T11" in held.todo
    *_, rest = judge_not_loaded(landed([(1, 1)] * 5))
    assert rest.says.startswith("2 more hours with objects that are not loaded, up to 2025-07-20 14:00")
    assert judge_not_loaded([]) == []


def test_names_of_no_hour_are_a_problem() -> None:
    """A producer that names its files wrongly delivers for months, and everything that is loaded adds up."""
    strays = [LandedHour("pos", TEN, "stray", n, 0, TEN, f"pos/odd-{n}.csv") for n in (2, 3)]
    [finding] = judge_strays([*strays, strays[0]._replace(stream="pos")])
    assert (finding.level, finding.says[:14]) == ("problem", "pos: 7 objects")
    assert "such as pos/odd-2.csv" in finding.says


def test_what_failed_in_dagster_is_a_note() -> None:
    """What a command mended fails the check until a run has looked again."""
    alert = OpenAlert("run", "load_web_logs", "2025-07-20-10:00", "HourBlocked: too many", 3, TEN)
    [finding] = judge_alerts([alert])
    assert (finding.level, finding.says) == (
        "note",
        "run of load_web_logs 2025-07-20-10:00: HourBlocked: too many",
    )
    assert judge_alerts([alert] * 5)[-1].says.startswith("2 more runs or checks")


def test_copies_that_were_rolled_back_are_a_note() -> None:
    """A retry that succeeded leaves the check failing for a week."""
    assert judge_copies(["completed", "completed  "]).level == "ok"
    finding = judge_copies(["completed", "aborted"])
    assert (finding.level, finding.says[:17]) == ("note", "1 of the last 2 C")


def test_copies_without_files_are_no_good_news() -> None:
    """What Redshift does not show passes for nothing refused."""
    assert judge_files([TEN]).says == "COPY read its last file at 2025-07-20 10:00:00 UTC"
    assert judge_files([]).level == "note"


def test_load_errors_are_a_problem_until_the_file_is_loaded() -> None:
    """Errors of a file that was loaded later count, or those of a file that never was do not."""
    refused = CopyError("s3://b/k", "Invalid digit", "rating", 2, TEN, loaded_since=False)
    settled = refused._replace(loaded_since=True)
    assert [f.level for f in judge_load_errors([])] == ["ok"]
    assert [f.level for f in judge_load_errors([settled])] == ["note"]
    [finding] = judge_load_errors([settled, refused])
    assert finding.level == "problem"
    assert "2 rows of s3://b/k" in finding.says
    assert "Invalid digit; column rating" in finding.says


def test_stale_periods_are_named_and_counted() -> None:
    """It is not said which days to compute again."""
    days = [TEN.replace(hour=0) + timedelta(days=n) for n in range(5)]
    stale = {"shopware_processed.pos_daily": days, "shopware_kpis.web_traffic_hourly": [TEN]}
    pos, traffic, follow, current = judge_stale(TABLES, stale)
    assert (pos.level, traffic.level, follow.level, current.level) == ("problem", "problem", "note", "ok")
    assert pos.says == "pos_daily: 5 days to be computed again: 2025-07-20, 2025-07-21, 2025-07-22 and 2 more"
    assert traffic.says == "web_traffic_hourly: 1 hour to be computed again: 2025-07-20 10:00"


def test_what_is_computed_from_a_stale_table_is_not_up_to_date() -> None:
    """The sales of the day look right while those that they are computed from are not."""
    _, follow, current = judge_stale(TABLES, {"shopware_processed.pos_daily": [TEN.replace(hour=0)]})
    following = {"sales_kpi_daily", "regional_kpi_daily", "sales_product_daily", "operations_kpi_daily"}
    assert set(follow.says.partition(": ")[2].split(", ")) == following
    assert current.says == f"{len(TABLES) - 5} derived tables up to date"
    [all_current] = judge_stale(TABLES, {})
    assert (all_current.level, all_current.says) == ("ok", f"{len(TABLES)} derived tables up to date")


def test_days_whose_sales_disagree_are_named() -> None:
    """A store's revenue is missing in the total and nobody hears of it."""
    whole, short = Decimal("10.01"), Decimal("10.00")
    day = SalesDay(date(2025, 7, 20), whole, short, whole, whole, 3, 3, 3, 3)
    [finding] = judge_reconciliation([day])
    assert finding.level == "problem"
    assert "2025-07-20: the sales sum up to 10.01 (3 pieces), sales_kpi_daily says 10.00" in finding.says
    many = judge_reconciliation([day] * 9)
    assert len(many) == 4
    assert "6 more days" in many[-1].says
    assert [f.level for f in judge_reconciliation([])] == ["ok"]


def test_one_problem_is_enough() -> None:
    """A note fails the check, or a problem among many sentences does not."""
    note, missing = judge_copies(["aborted"]), judge_tables((), ["a.one"])
    assert is_well([note, judge_tables(["a.one"], ["a.one"])])
    assert not is_well([note, missing, note])
