"""The queries on the embedded server: each runs, is bounded, narrows by its filters, and shows no one what is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from tests.dashboard.conftest import provisioned
from tests.dashboard.seed import FIRST, HOSTILE_KEY, HOSTILE_PAGE, SECRET_MESSAGE, UNTIL
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import AccessRefused, StatementRefused, WarehouseUnavailable
from weblogs_platform.dashboard import queries
from weblogs_platform.dashboard.access import SCHEMAS
from weblogs_platform.dashboard.pool import Pool
from weblogs_platform.dashboard.views.health import Conservation
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack
from weblogs_platform.settings import DashboardSettings
from weblogs_platform.streams import STREAMS

NAMES = sorted(path.stem for path in queries.FOLDER.glob("*.sql"))
WHATEVER_DAYS = (
    "health_refreshes",
    *(f"health_{name}" for name in ("alerts", "findings", "looks", "quarantine", "settled")),
)
"""Those that say what is so now."""

NOTHING: dict[str, Any] = {
    "first": FIRST, "until": UNTIL, "hourly": 0, "event_type": "", "browser": "", "device": "", "page": "", "type": "",
    "channel": "", "rated": 0, "lowest": 0, "highest": 0, "personal": 0, "store": "", "product": "", "chosen_1": "1", "chosen_2": "2", "chosen_3": "", "chosen_4": "", "chosen_5": "", "category": "",
    "warehouse": "", "status": "", "restock": 0, "stream": "", "day": UNTIL, "week": UNTIL,
}  # fmt: skip


def utc(year: int, month: int, day: int) -> datetime:
    """As the warehouse keeps it: UTC without a zone."""
    return datetime(year, month, day, tzinfo=UTC).replace(tzinfo=None)


def ask(settings: DashboardSettings, name: str, **given: Any) -> pd.DataFrame:
    statement = queries.text_of(name)
    parameters = {n: v for n, v in {**NOTHING, **given}.items() if f":{n}" in statement}
    return queries.answer(statement, parameters, settings)


@pytest.mark.parametrize("name", NAMES)
def test_every_query_runs_and_finds_the_shop(settings: DashboardSettings, name: str) -> None:
    """A renamed column, or a function that Redshift lacks, is found by the first reader of the page."""
    assert len(ask(settings, name)) > 0


def test_open_quarantine_is_told_by_age(settings: DashboardSettings) -> None:
    """What is a month old hides among what came today."""
    week, day = FIRST + timedelta(days=5), FIRST + timedelta(days=12)
    found = ask(settings, "health_quarantine", stream="web_logs", week=week, day=day)
    rows = ask(settings, "health_reasons", stream="web_logs").groupby("reason")["records"].sum()
    assert dict(zip(found["reason"], found["records"], strict=True)) == rows.to_dict()
    assert (found["records"] == found["of_a_day"] + found["of_a_week"] + found["older"]).all()
    assert (found[["of_a_day", "of_a_week", "older"]] > 0).all().all()
    [settled] = ask(settings, "health_settled", stream="web_logs").to_dict("records")
    assert (settled["still_open"], settled["replayed"]) == (rows.sum(), 0)


def test_what_was_loaded_since_is_no_finding(settings: DashboardSettings) -> None:
    """The page says for an hour that an object is missing which is in the table."""
    assert ask(settings, "health_findings")["object_key"].tolist() == [HOSTILE_KEY]
    assert ask(settings, "health_alerts")["kind"].tolist() == [HOSTILE_KEY]


@pytest.mark.parametrize("name", NAMES)
def test_every_query_gives_a_bounded_number_of_rows(name: str) -> None:
    """A page reads a stream table whole."""
    statement = re.sub(r"--.*", "", queries.text_of(name))
    one_row = "GROUP BY" not in statement and re.search(r"(MIN|MAX|COUNT|SUM)\(", statement)
    few = name in ("sales_categories", "health_freshness", "health_refreshes")
    assert one_row or few or re.search(r"LIMIT \d+;\s*$", statement)
    assert "::" not in statement


@pytest.mark.parametrize(
    "name", [name for name in NAMES if not name.endswith("_span") and name not in WHATEVER_DAYS]
)
def test_no_query_looks_beyond_its_days(settings: DashboardSettings, name: str) -> None:
    """A figure of other days is added to those that were asked for."""
    rows = ask(settings, name, first=utc(2031, 1, 1), until=utc(2031, 1, 2))
    counts = rows.select_dtypes("number").drop(columns=["lag_secs"], errors="ignore")
    assert counts.fillna(0).to_numpy().sum() == 0


HOSTILE = "x' OR '1'='1"


@pytest.mark.parametrize(
    "given", [{"browser": HOSTILE}, {"page": HOSTILE}, {"event_type": HOSTILE}, {"device": HOSTILE}]
)
def test_a_filter_is_a_value_whatever_it_holds(settings: DashboardSettings, given: dict[str, str]) -> None:
    assert ask(settings, "web_event_rows", **given).empty
    assert ask(settings, "web_over_time", **given).empty


def test_filters_narrow_to_what_they_name(settings: DashboardSettings) -> None:
    """A filter that narrows the figures and not the rows behind them, or the other way round."""
    events = ask(settings, "web_over_time", browser="Edge", page=HOSTILE_PAGE)
    rows = ask(settings, "web_event_rows", browser="Edge", page=HOSTILE_PAGE)
    assert set(rows["browser"]) == {"Edge"}
    assert set(rows["page"]) == {HOSTILE_PAGE}
    assert events["events"].sum() == len(rows) > 0
    unknown = ask(settings, "web_event_rows", browser="Unknown")
    assert len(unknown) > 0
    assert unknown["browser"].isna().all()


def test_sums_agree_across_pages(settings: DashboardSettings) -> None:
    """The sales page and the stores page show different totals of the same days."""
    [totals] = ask(settings, "sales_totals").to_dict("records")
    stores = ask(settings, "stores_ranking")
    daily = ask(settings, "sales_daily")
    over_time = ask(settings, "sales_over_time")
    revenue = round(totals["revenue"], 2)
    assert revenue == round(stores["revenue"].sum(), 2) == round(over_time["revenue"].sum(), 2)
    assert revenue == round(daily["total_daily_revenue"].sum(), 2) > 0
    assert totals["units"] == stores["units"].sum() == daily["total_daily_quantity_sold"].sum()


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_the_ledger_and_the_tables_agree_by_the_hour(
    shop_stack: Endpoints, settings: DashboardSettings, spec: Any
) -> None:
    """It is said that every record is accounted for, whatever ledger and table hold."""

    def compared() -> Any:
        parameters = {"first": FIRST, "until": utc(2026, 11, 17)}
        [found] = queries.answer(Conservation(spec).sql(), parameters, settings).to_dict("records")
        return found

    well = compared()
    assert well["hours"] > 0
    assert (well["unaccounted"], well["differing"]) == (0, 0)
    first = f"(SELECT MIN(landing_hour) FROM shopware_ops.load_history WHERE stream = '{spec.name}')"
    change = f"UPDATE shopware_ops.load_history SET loaded = loaded + %s WHERE stream = '{spec.name}' AND landing_hour = {first}"
    with shop_stack.connect() as owner, owner.cursor() as cursor:
        cursor.execute(change, (1,))
        owner.commit()
        try:
            wrong = compared()
        finally:
            cursor.execute(change, (-1,))
            owner.commit()
    assert (wrong["hours"], wrong["unaccounted"], wrong["differing"]) == (well["hours"], 1, 1)
    assert wrong["first_unaccounted"] == wrong["first_differing"] is not None


def test_an_identity_is_no_choice_of_all(settings: DashboardSettings) -> None:
    """A store with a negative number shows the sales of all stores."""
    assert ask(settings, "sales_totals", store="-1")["transactions"].tolist() == [0]
    assert ask(settings, "inventory_counts", warehouse="-1").empty
    [store, *_] = ask(settings, "stores_ranking")["store_id"].astype(str)
    assert set(ask(settings, "sales_rows", store=store)["store_id"].astype(str)) == {store}


def test_the_listed_stock_counts_are_those_of_the_figures(settings: DashboardSettings) -> None:
    """A click on 3 products that ran out lists every count of the month with none in stock."""
    ends = ask(settings, "inventory_days").sort_values("analysis_date").groupby("warehouse_id").tail(1)
    for number, day in zip(ends["warehouse_id"], ends.to_dict("records"), strict=True):
        counts = ask(settings, "inventory_counts", warehouse=str(number))
        assert counts["stock_level"].sum() == day["total_stock_level"]
        for status in ("IN_STOCK", "LOW_STOCK", "OUT_OF_STOCK"):
            listed = ask(settings, "inventory_counts", warehouse=str(number), status=status)
            assert len(listed) == day[f"products_{status.lower()}"]


def test_what_a_query_cut_off_is_not_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of a thousand stores are shown as those of all."""
    assert queries.most_rows("SELECT 1 LIMIT 3;\n") == 3
    assert queries.most_rows(queries.text_of("sales_totals")) is None
    monkeypatch.setattr(queries, "text_of", lambda _name: "SELECT 1 LIMIT 3;")
    monkeypatch.setattr(queries, "frame_of", lambda _statement, rows: pd.DataFrame({"n": range(rows)}))
    assert len(queries.frame("some", rows=2)) == 2
    assert len(queries.first_rows("some", rows=3)) == 3
    with pytest.raises(queries.TooManyRows, match="some gives 3 rows or more"):
        queries.frame("some", rows=3)


def test_personal_values_leave_the_warehouse_only_when_asked_for(settings: DashboardSettings) -> None:
    """Hiding in the browser hides nothing."""
    hidden = {
        "interaction_rows": ("customer_id", "message_excerpt"),
        "web_event_rows": ("user_id", "session_id"),
        "web_session_rows": ("user_id", "session_id"),
    }
    for name, columns in hidden.items():
        assert ask(settings, name)[list(columns)].isna().to_numpy().all()
        assert ask(settings, name, personal=1)[columns[0]].notna().all()
    assert SECRET_MESSAGE in ask(settings, "interaction_rows", personal=1)["message_excerpt"].tolist()


@pytest.fixture
def pool(settings: DashboardSettings) -> Iterator[Pool]:
    """A pool of the test's own."""
    own = queries.pool_of(settings)
    yield own
    own.empty()


REFUSED = [
    "INSERT INTO shopware_ops.load_history (stream) VALUES ('x')",
    "UPDATE shopware_kpis.sales_kpi_daily SET total_daily_revenue = 0",
    "DELETE FROM shopware_stream.web_logs_stream",
    "TRUNCATE shopware_stream.web_logs_stream",
    "LOCK shopware_ops.load_lock",
    "LOCK shopware_stream.web_logs_stream",
    "DROP TABLE shopware_kpis.web_session",
    "ALTER TABLE shopware_kpis.web_session ADD COLUMN x INTEGER",
    "CREATE TABLE shopware_kpis.mine (n INTEGER)",
    "CREATE TABLE public.mine (n INTEGER)",
    "CREATE SCHEMA mine",
    "CREATE VIEW public.mine AS SELECT 1 AS one",
    "GRANT SELECT ON shopware_ops.load_history TO PUBLIC",
    "COPY shopware_stream.web_logs_stream FROM 's3://weblogs-lake/x' IAM_ROLE default FORMAT AS JSON 'auto'",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_dashboards_user_can_neither_write_nor_lock(pool: Pool, statement: str) -> None:
    """Somebody who gets at the dashboards changes the figures, or stops the loads by holding their lock."""
    warehouse = Warehouse(pool.connect, "", "")
    with pytest.raises(AccessRefused, match="42501"), warehouse.transaction() as tx:
        tx.execute(statement)


def test_idle_connections_hold_no_lock(shop_stack: Endpoints, pool: Pool) -> None:
    """A page that was read an hour ago keeps a load waiting."""
    Warehouse(pool.connect, "", "").fetch_frame("SELECT COUNT(*) FROM shopware_stream.web_logs_stream")
    with shop_stack.connect() as owner, owner.cursor() as cursor:
        cursor.execute("SET statement_timeout TO 5000")
        cursor.execute("LOCK shopware_stream.web_logs_stream")
        owner.rollback()


def test_connections_are_used_again_and_broken_ones_are_not(pool: Pool) -> None:
    """A login for each query; or one failed query spoils every later one."""
    warehouse = Warehouse(pool.connect, "", "")

    def backend() -> int:
        return int(warehouse.fetch_frame("SELECT pg_backend_pid() AS pid")["pid"].iloc[0])

    first = backend()
    assert backend() == first
    with pytest.raises(AccessRefused):
        warehouse.fetch_frame("INSERT INTO shopware_ops.load_lock VALUES ('x')")
    again = backend()
    pool.empty()
    assert backend() not in (first, again)


def test_tables_that_come_later_may_be_read_too(shop_stack: Endpoints, settings: DashboardSettings) -> None:
    """The next version's table is there and its page says that it may not be read."""
    with shop_stack.connect() as owner, owner.cursor() as cursor:
        for schema in SCHEMAS:
            cursor.execute(f"CREATE TABLE {schema}.later (n INTEGER)")
        owner.commit()
    try:
        for schema in SCHEMAS:
            assert queries.answer(f"SELECT n FROM {schema}.later", {}, settings).empty
    finally:
        with shop_stack.connect() as owner, owner.cursor() as cursor:
            for schema in SCHEMAS:
                cursor.execute(f"DROP TABLE {schema}.later")
            owner.commit()


def test_a_user_without_grants_is_told_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Before `weblogs init` there is nothing; after it everything; a stack that is gone is named."""
    with Stack(tmp_path_factory.mktemp("bare")).running(dagster=False) as endpoints:
        settings = DashboardSettings.from_env(endpoints.platform_variables())
        with pytest.raises(StatementRefused, match=r"3F000|42P01"):
            ask(settings, "web_span")
        provisioned(endpoints)
        assert queries.answer(queries.text_of("web_span"), {}, settings).isna().to_numpy().all()
    with pytest.raises(WarehouseUnavailable, match="weblogs up"):
        ask(settings, "web_span")
