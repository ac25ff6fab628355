"""The declared derived tables: sales, operations, marketing and support, in the order in which they are computed.

Each has its DDL in `sql/ddl/` and its statement in `sql/kpis/<name>.sql`. Days and hours are UTC and those of the
event, not of its arrival. Money is DECIMAL and exact; shares and averages are DOUBLE PRECISION unless they are money.
"""

from __future__ import annotations

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import InvalidName
from weblogs_platform.kpis.marketing import MARKETING_KPI_DAILY, WEB_SESSION, WEB_TRAFFIC_HOURLY
from weblogs_platform.kpis.operations import INVENTORY_DAILY, INVENTORY_KPI_DAILY, OPERATIONS_KPI_DAILY
from weblogs_platform.kpis.sales import POS_DAILY, REGIONAL_KPI_DAILY, SALES_KPI_DAILY, SALES_PRODUCT_DAILY
from weblogs_platform.kpis.support import INTERACTIONS_HOURLY, SUPPORT_KPI_DAILY

TABLES: tuple[DerivedTable, ...] = (
    POS_DAILY,
    INVENTORY_DAILY,
    WEB_SESSION,
    WEB_TRAFFIC_HOURLY,
    INTERACTIONS_HOURLY,
    SUPPORT_KPI_DAILY,
    SALES_KPI_DAILY,
    REGIONAL_KPI_DAILY,
    SALES_PRODUCT_DAILY,
    INVENTORY_KPI_DAILY,
    OPERATIONS_KPI_DAILY,
    MARKETING_KPI_DAILY,
)
"""Every derived table; whatever a table is computed from stands before it."""


def table_named(name: str) -> DerivedTable:
    """The derived table of that name. Raises InvalidName, listing the names there are."""
    for table in TABLES:
        if table.name == name:
            return table
    raise InvalidName(f"no derived table {name!r}; there are: {', '.join(t.name for t in TABLES)}")
