"""The declarations of the derived tables, held against the tables and statements that there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import InvalidDocument, InvalidName, InvalidSpec
from weblogs_platform.kpis import TABLES, table_named
from weblogs_platform.kpis.marketing import WEB_SESSION, WEB_TRAFFIC_HOURLY
from weblogs_platform.kpis.sales import POS_DAILY, SALES_KPI_DAILY
from weblogs_platform.pipeline.refresh import statement_of
from weblogs_platform.settings import PROJECT_ROOT

each_table = pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])

_TYPES = {
    "character varying": "VARCHAR({0})",
    "numeric": "DECIMAL({1},{2})",
    "timestamp without time zone": "TIMESTAMP",
}
MIDNIGHT = datetime(2025, 7, 17, tzinfo=UTC)


def _columns(warehouse: Warehouse, qualified: str) -> list[tuple[str, str, bool]]:
    """Name, type and whether it may be null, in order, as the warehouse has them."""
    sql = (
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable "
        "FROM svv_all_columns WHERE schema_name = %s AND table_name = %s ORDER BY ordinal_position"
    )
    with warehouse.transaction() as tx:
        rows = tx.fetch_all(sql, tuple(qualified.split(".")))
    return [
        (str(name), _TYPES.get(kind, str(kind).upper()).format(length, precision, scale), nullable == "YES")
        for name, kind, length, precision, scale, nullable in rows
    ]


@each_table
def test_the_ddl_is_what_is_declared(warehouse: Warehouse, table: DerivedTable) -> None:
    """A column's type or order changes in one of the two, and statements fill the wrong columns."""
    declared = [(c.name, c.type, c.nullable) for c in table.columns]
    assert _columns(warehouse, table.qualified) == declared


@each_table
def test_the_ddl_names_the_key(table: DerivedTable) -> None:
    """The key that people and Redshift's planner read is not the key that rows are unique by."""
    [ddl] = (PROJECT_ROOT / "sql" / "ddl").glob(f"*_{table.name}.sql")
    assert f"PRIMARY KEY ({', '.join(table.key)})" in ddl.read_text(encoding="utf-8")


@each_table
def test_lineage_names_columns_that_there_are(warehouse: Warehouse, table: DerivedTable) -> None:
    """A source's column is renamed and the lineage that people follow ends nowhere."""
    there = {f"{source}.{name}" for source in table.sources for name, *_ in _columns(warehouse, source)}
    named = {lineage for column in table.columns for lineage in column.lineage}
    assert named - there == set()
    assert {lineage.rpartition(".")[0] for lineage in named} == set(table.sources)


@each_table
def test_every_column_says_its_formula(table: DerivedTable) -> None:
    """A figure that nobody can look up, or a headline that cannot be added up."""
    assert all(c.description.endswith(".") for c in table.columns)
    assert all(c.lineage for c in table.columns if c.name not in ("run_id", "loaded_at"))
    assert all(c.type.startswith(("DECIMAL", "DOUBLE", "BIGINT", "INTEGER")) for c in table.headlines)
    assert all(c.type.startswith("DECIMAL") for c in table.columns if "revenue" in c.name)


def test_tables_come_after_what_they_are_computed_from() -> None:
    """A refresh in the declared order computes a table from figures of yesterday."""
    names = [table.qualified for table in TABLES]
    for place, table in enumerate(TABLES):
        assert not set(table.sources) & set(names[place:])


def test_what_names_a_person_is_marked() -> None:
    """A dashboard shows sessions or accounts in clear."""
    personal = {f"{table.name}.{c.name}" for table in TABLES for c in table.columns if c.personal}
    assert personal == {"web_session.session_id", "web_session.user_id"}


def test_an_unknown_table_is_named_with_those_there_are() -> None:
    """A KeyError for a typing error."""
    assert table_named("web_session") is WEB_SESSION
    with pytest.raises(InvalidName, match=r"'sales'.*sales_kpi_daily"):
        table_named("sales")


def test_a_table_without_a_statement_is_refused(tmp_path: object) -> None:
    """A forgotten file shows as FileNotFoundError of a path that says nothing."""
    with pytest.raises(InvalidDocument, match=r"sql/kpis/sales_kpi_daily\.sql"):
        statement_of(SALES_KPI_DAILY, root=PROJECT_ROOT / "docs")


@pytest.mark.parametrize(
    ("first", "end"),
    [
        (MIDNIGHT, MIDNIGHT),
        (MIDNIGHT, MIDNIGHT - timedelta(days=1)),
        (MIDNIGHT + timedelta(hours=1), MIDNIGHT + timedelta(days=1)),
        (MIDNIGHT, MIDNIGHT + timedelta(hours=12)),
        (MIDNIGHT.replace(tzinfo=None), MIDNIGHT.replace(tzinfo=None) + timedelta(days=1)),
        (
            MIDNIGHT.astimezone(timezone(timedelta(hours=2))),
            MIDNIGHT.astimezone(timezone(timedelta(hours=2))) + timedelta(days=1),
        ),
    ],
)
def test_only_whole_periods_in_utc_are_taken(first: datetime, end: datetime) -> None:
    """Half a day is deleted and computed, and its figures are those of half a day."""
    with pytest.raises(InvalidName, match="sales_kpi_daily"):
        SALES_KPI_DAILY.periods(first, end)


def test_periods_are_those_of_the_grain() -> None:
    """An hourly table is refreshed by days, or a day by hours."""
    half = MIDNIGHT + timedelta(hours=13, minutes=20)
    day = timedelta(days=1)
    assert SALES_KPI_DAILY.periods(MIDNIGHT, MIDNIGHT + 2 * day) == (MIDNIGHT, MIDNIGHT + day)
    assert len(WEB_TRAFFIC_HOURLY.periods(MIDNIGHT, MIDNIGHT + 2 * day)) == 48
    assert SALES_KPI_DAILY.period_of(half.astimezone(timezone(timedelta(hours=13)))) == MIDNIGHT
    assert WEB_TRAFFIC_HOURLY.period_of(half) == MIDNIGHT + timedelta(hours=13)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "Pos Daily"}, "identifier"),
        ({"columns": (*POS_DAILY.columns, POS_DAILY.columns[0])}, "unique"),
        ({"key": ("nothing",)}, "must be columns"),
        ({"key": ("discount_applied",)}, "may be null"),
        ({"period_column": "quantity"}, "DATE or a TIMESTAMP"),
        ({"sources": ("pos_records; DROP TABLE x",)}, r"schema\.table"),
        ({"sources": ("shopware_processed.inventory_records",)}, "no schema.table.column of a source"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(changes: dict[str, object], reason: str) -> None:
    """It fails in the middle of a refresh, or pastes something into a statement."""
    with pytest.raises(InvalidSpec, match=reason):
        replace(POS_DAILY, **changes)
