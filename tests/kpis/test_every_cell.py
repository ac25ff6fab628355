"""Every cell of every derived table against an independent computation, over days with everything that goes wrong."""

from __future__ import annotations

from random import Random

import pytest

from tests.kpis.agreement import assert_agrees
from tests.kpis.generate import repeats, some_days
from tests.kpis.inputs import Record
from tests.kpis.shop import Shop
from weblogs_platform.kpis import TABLES

DAYS = 4


def _deliver_days(shop: Shop, rng: Random) -> list[Record]:
    """Each day's records in two files of the next day's small hours, some of them days late."""
    records = some_days(shop, rng, DAYS)
    late = rng.sample(records, len(records) // 20)
    for day in range(1, DAYS + 2):  # visits go on after the last midnight
        started, ended = shop.at(day, hour=0), shop.at(day + 1, hour=0)
        today = [r for r in records if r not in late and started <= r.happened < ended]
        shop.deliver(shop.at(day + 1, hour=1), *today[::2])
        shop.deliver(shop.at(day + 1, hour=2, minute=30), *today[1::2])
    shop.deliver(shop.at(DAYS + 4), *late)
    return records


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_cell_is_what_was_delivered(shop: Shop, seed: int) -> None:
    """Any figure is wrong by any amount, at first, or after corrections and late records came."""
    rng = Random(seed)
    records = _deliver_days(shop, rng)
    shop.refresh_all()
    sizes = assert_agrees(shop)
    assert all(sizes.values()), "a table has no rows to compare"

    shop.deliver(shop.at(DAYS + 4, minute=20), *repeats(shop, rng, records))
    shop.refresh_stale()
    assert_agrees(shop)
    assert {table.name: shop.stale(table) for table in TABLES} == {table.name: [] for table in TABLES}
