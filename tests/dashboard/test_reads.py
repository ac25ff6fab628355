"""`dashboard.reads` on the embedded Redshift: what the dashboards' user may read, before and after the choice changes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from tests.dashboard.conftest import provisioned
from tests.dashboard.seed import FIRST, NEWEST, seed
from tests.dashboard.test_queries import NAMES, ask
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import AccessRefused
from weblogs_platform.dashboard import queries
from weblogs_platform.dashboard.access import KPIS, SCHEMAS, set_reading
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack
from weblogs_platform.settings import DashboardSettings

BEYOND = tuple(schema for schema in SCHEMAS if schema != KPIS)
PERSONAL = (
    "SELECT customer_id FROM shopware_stream.customer_interaction_stream",
    "SELECT message_excerpt FROM shopware_stream.customer_interaction_stream",
    "SELECT user_id FROM shopware_stream.web_logs_stream",
    "SELECT COUNT(*) FROM shopware_processed.pos_daily",
    "SELECT object_key FROM shopware_ops.load_history",
    "SELECT c.rating FROM shopware_kpis.web_session AS w, shopware_stream.customer_interaction_stream AS c",
)


@pytest.fixture(scope="module")
def kpis_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Endpoints, Warehouse]]:
    """A shop whose dashboards' user was granted everything first, and then KPI tables only; with its owner."""
    with Stack(tmp_path_factory.mktemp("kpis home")).running(dagster=False) as endpoints:
        owner = provisioned(endpoints, "everything")
        seed(owner)
        _later_tables(owner, "before")
        set_reading(owner, endpoints.platform_variables()["WEBLOGS_DASHBOARD_USER"], "kpis")
        _later_tables(owner, "after")
        yield endpoints, owner
        queries.forget()


def _later_tables(owner: Warehouse, name: str) -> None:
    with owner.transaction() as tx:
        for schema in SCHEMAS:
            tx.execute(f"CREATE TABLE {schema}.later_{name} (n INTEGER)")


@pytest.fixture
def reader(kpis_stack: tuple[Endpoints, Warehouse]) -> DashboardSettings:
    return DashboardSettings.from_env(kpis_stack[0].platform_variables())


@pytest.mark.parametrize("statement", PERSONAL)
def test_personal_columns_and_rows_are_out_of_reach(reader: DashboardSettings, statement: str) -> None:
    """What was granted once stays granted: whoever gets at the dashboards reads what customers wrote."""
    with pytest.raises(AccessRefused, match="42501"):
        queries.answer(statement, {}, reader)


@pytest.mark.parametrize("schema", BEYOND)
@pytest.mark.parametrize("name", ["before", "after"])
def test_tables_made_under_either_choice_are_out_of_reach(
    reader: DashboardSettings, schema: str, name: str
) -> None:
    """Default privileges outlive the choice, and open the next version's table; or what they gave stays."""
    with pytest.raises(AccessRefused, match="42501"):
        queries.answer(f"SELECT n FROM {schema}.later_{name}", {}, reader)
    assert queries.answer(f"SELECT n FROM {KPIS}.later_{name}", {}, reader).empty


def test_what_the_pages_ask_of_kpi_tables_is_answered(reader: DashboardSettings) -> None:
    """A query of a page with KPI tables alone reads another table after all."""
    for name in NAMES:
        if not any(f"{schema}." in queries.text_of(name) for schema in BEYOND):
            assert len(ask(reader, name)) > 0, name


def test_kpi_tables_say_the_same_as_the_rows(
    kpis_stack: tuple[Endpoints, Warehouse], settings: DashboardSettings, reader: DashboardSettings
) -> None:
    """The sales page shows another revenue where its user may read less."""
    [sale] = ask(settings, "sales_rows").head(1).to_dict("records")
    store, product = {"store": sale["store_id"]}, {"product": sale["product_id"]}
    for where in ({}, store, product, {**store, **product}):
        [exact] = ask(settings, "sales_totals", **where).to_dict("records")
        [found] = ask(reader, "sales_kpi_totals", **where).to_dict("records")
        for name in ("revenue", "units", "transactions", "discounts"):
            if not pd.isna(found[name]):
                assert round(found[name], 2) == round(exact[name], 2), (where, name)
        assert pd.isna(found["transactions"]) == (len(where) == 2)
        assert pd.isna(found["discounts"]) == bool(where)
    of_rows, of_kpis = ask(settings, "sales_products", **store), ask(reader, "sales_kpi_products", **store)
    pd.testing.assert_frame_equal(of_rows[["product_id", "revenue", "units"]], of_kpis, check_dtype=False)
    of_rows = ask(settings, "sales_over_time").groupby("period")[["revenue", "units"]].sum()
    of_kpis = ask(reader, "sales_kpi_days").set_index("period")
    pd.testing.assert_frame_equal(of_rows, of_kpis, check_dtype=False)
    one_day = {"first": FIRST, "until": FIRST.replace(day=FIRST.day + 1)}
    [[customers]] = ask(settings, "interactions_customers", **one_day).to_numpy().tolist()
    assert ask(reader, "interactions_customers_of_day", **one_day).to_numpy().tolist() == [[customers]]
    assert ask(reader, "sales_span")["last_at"].iloc[0] == NEWEST


def test_everything_comes_back_with_the_choice(kpis_stack: tuple[Endpoints, Warehouse]) -> None:
    """One way only: a deployment that changes its mind has to grant by hand."""
    endpoints, owner = kpis_stack
    variables = endpoints.platform_variables()
    settings, user = DashboardSettings.from_env(variables), variables["WEBLOGS_DASHBOARD_USER"]
    try:
        assert set_reading(owner, user, "everything") == [f"{schema}: {user} may read" for schema in SCHEMAS]
        for schema in SCHEMAS:
            for name in ("before", "after"):
                assert queries.answer(f"SELECT n FROM {schema}.later_{name}", {}, settings).empty
    finally:
        said = set_reading(owner, user, "kpis")
    assert said == [f"{s}: {user} {'may' if s == KPIS else 'may not'} read" for s in SCHEMAS]


def test_the_choice_follows_the_environment_unless_it_is_made() -> None:
    """An account's dashboards read customers' messages because nobody said that they should not."""
    login = {"REDSHIFT_HOST": "h", "WEBLOGS_DASHBOARD_USER": "d", "WEBLOGS_DASHBOARD_PASSWORD": "p"}
    assert DashboardSettings.from_env({**login, "WEBLOGS_ENV": "local", "WEBLOGS_HOME": "/nowhere"}).reads == "everything"  # fmt: skip
    assert DashboardSettings.from_env({**login, "WEBLOGS_ENV": "aws"}).reads == "kpis"
    chosen = {**login, "WEBLOGS_ENV": "aws", "WEBLOGS_DASHBOARD_READS": "everything"}
    assert DashboardSettings.from_env(chosen).reads == "everything"
