"""Records whose time cannot be: they count on the day on which they landed, and the checks agree."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.kpis.inputs import Contact
from tests.kpis.shop import Shop
from weblogs_platform.kpis import TABLES
from weblogs_platform.kpis.sales import POS_DAILY
from weblogs_platform.pipeline.derived_facts import examine

RESET = datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC)
"""What a till's clock says after its battery."""


def test_a_wrong_clock_fails_no_check(shop: Shop) -> None:
    """A till whose battery is empty: its sales are in the tables and its day's check fails for ever."""
    shop.deliver(
        shop.at(1),
        shop.event("a", RESET, ingested=shop.at(1)),
        Contact(customer=1, at=RESET),
        shop.sale("a", RESET),
        shop.sale("b", shop.at(1)),
        shop.count("b", shop.at(1)),
    )
    for table in TABLES:
        shop.refresh(table)
    compared = {
        table.name: [
            (agreement.expected, agreement.found)
            for facts in examine(shop.warehouse, table, shop.first, shop.end).values()
            for agreement in facts.agreements.values()
        ]
        for table in TABLES
    }
    assert all(compared.values()), "each table has something to compare"
    assert {name for name, pairs in compared.items() if any(e != f for e, f in pairs)} == set()
    landed = {shop.at(1), shop.at(1).replace(minute=0, second=0)}
    moments = {row["transaction_timestamp"].replace(tzinfo=UTC) for row in shop.rows(POS_DAILY).values()}
    assert (len(shop.rows(POS_DAILY)), moments) == (2, landed)
