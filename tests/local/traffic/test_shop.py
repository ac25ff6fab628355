"""The simulated shop: stock is conserved, never negative, and an hour is the same whoever asks."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.shop import Shop, ShopHour, StockLevel, shop_hours

SUNDAY = LandingHour.from_argument("2025-07-20T00")
MONDAY = LandingHour.from_argument("2025-07-14T00")


def hours_of(shop: Shop, first: LandingHour, hours: int) -> list[ShopHour]:
    return list(itertools.islice(shop_hours(shop, first), hours))


def by_shelf(snapshot: list[StockLevel]) -> dict[tuple[int, int], StockLevel]:
    return {(level.product_id, level.warehouse_id): level for level in snapshot}


shops = st.builds(
    Shop,
    stores=st.integers(1, 50),
    products=st.integers(1, 40),
    warehouses=st.integers(1, 10),
    sales_rate=st.floats(0.5, 400),
    seed=st.integers(0, 1 << 32),
    curve=st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(shop=shops, since=st.integers(0, 140))
def test_stock_is_what_was_there_minus_sales_plus_restocks(shop: Shop, since: int) -> None:
    """A sale that leaves no trace in the warehouse, stock from nowhere, or less than nothing on a shelf."""
    happened = hours_of(shop, MONDAY.plus(since), 14)
    for before, after in itertools.pairwise(happened):
        if after.hour == MONDAY.plus(7 * 24):
            continue  # stocktaking
        first, then = by_shelf(before.snapshot), by_shelf(after.snapshot)
        moved = Counter[tuple[int, int]]()
        for sale in before.sales + after.sales:
            shelf = sale.product_id, shop.warehouse_of(sale.store_id)
            moved[shelf] -= sale.quantity * (first[shelf].at_us < sale.at_us <= then[shelf].at_us)
        for restock in before.restocks + after.restocks:
            shelf = restock.product_id, restock.warehouse_id
            moved[shelf] += restock.units * (first[shelf].at_us < restock.at_us <= then[shelf].at_us)
        assert {s: level.stock_level for s, level in then.items()} == {
            s: level.stock_level + moved[s] for s, level in first.items()
        }
        assert min(level.stock_level for level in after.snapshot) >= 0


def test_restocks_come_after_a_shelf_fell_to_its_threshold() -> None:
    """Shelves are filled whether they need it or not, or those without a threshold never."""
    shop = Shop()
    happened = hours_of(shop, MONDAY, 7 * 24)
    lowest: dict[tuple[int, int], int] = {}
    kinds = Counter[bool]()
    for hour in happened:
        shelves = by_shelf(hour.snapshot)
        for shelf, level in shelves.items():
            lowest[shelf] = min(lowest.get(shelf, level.stock_level), level.stock_level)
        for restock in hour.restocks:
            shelf = restock.product_id, restock.warehouse_id
            threshold = shelves[shelf].restock_threshold
            assert lowest.pop(shelf) <= (20 if threshold is None else threshold)
            kinds[threshold is None] += 1
    assert kinds[True] > 10
    assert kinds[False] > 50


def test_stock_runs_out_sometimes_and_mostly_does_not() -> None:
    """Without a stock-out no dashboard ever shows one; with many the shop is not one."""
    levels = [level for hour in hours_of(Shop(), MONDAY, 7 * 24) for level in hour.snapshot]
    assert 0.002 < sum(level.stock_level == 0 for level in levels) / len(levels) < 0.05
    assert max(level.stock_level for level in levels) <= 488
    thresholds = [level.restock_threshold for level in levels[: 4 * 120]]
    assert sum(t is None for t in thresholds) / len(thresholds) == pytest.approx(0.4, abs=0.08)
    assert all(t is None or 10 <= t <= 72 for t in thresholds)


def test_sales_are_plausible() -> None:
    """Prices, quantities or discounts leave the ranges that were seen, or the day has no curve."""
    happened = hours_of(Shop(), MONDAY, 7 * 24)
    sales = [sale for hour in happened for sale in hour.sales]
    assert len(sales) / len(happened) == pytest.approx(120, rel=0.1)
    assert {sale.quantity for sale in sales} <= set(range(1, 9))
    assert sum(sale.quantity == 1 for sale in sales) < 0.01 * len(sales), "only when stock runs low"
    assert all(1500 <= sale.revenue_cents <= 49_800 for sale in sales)
    discounts = [sale.discount_cents for sale in sales if sale.discount_cents is not None]
    assert all(135 <= cents <= 2159 for cents in discounts)
    assert 0.3 < len(discounts) / len(sales) < 0.6
    assert all(s.discount_cents is None or s.discount_cents < s.revenue_cents for s in sales)
    assert {sale.store_id for sale in sales} == set(range(1, 13))
    assert len({sale.product_id for sale in sales}) == 120
    assert len({sale.transaction_id for sale in sales}) == len(sales)
    assert sum(len(hour.sales) for hour in happened[20::24]) > 4 * sum(len(h.sales) for h in happened[3::24])


@settings(max_examples=15, deadline=None)
@given(since=st.integers(0, 200), hours=st.integers(1, 30))
def test_an_hour_is_the_same_in_every_window(since: int, hours: int) -> None:
    """The stock depends on where the window began, across stocktaking too."""
    shop = Shop(products=30, sales_rate=60, seed=3)
    first = MONDAY.plus(since)
    window = hours_of(shop, first, hours)
    assert window == hours_of(shop, MONDAY, since + hours)[since:]
    assert [hour.hour for hour in window] == [first.plus(n) for n in range(hours)]


def test_another_seed_is_another_shop() -> None:
    """The seed is dropped on the way to the generators."""
    one, two = (hours_of(Shop(seed=seed), SUNDAY, 1)[0] for seed in (1, 2))
    assert not {s.transaction_id for s in one.sales} & {s.transaction_id for s in two.sales}
    assert not {s.inventory_id for s in one.snapshot} & {s.inventory_id for s in two.snapshot}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stores": 51}, "1 to 50 stores"),
        ({"products": 0}, "1 to 1000 products"),
        ({"warehouses": 11}, "1 to 10 warehouses"),
        ({"sales_rate": 0.0}, "sales rate"),
        ({"sales_rate": float("nan")}, "sales rate"),
    ],
)
def test_impossible_shops_are_refused(wrong: dict, message: str) -> None:
    """A wrong option makes quietly another shop."""
    with pytest.raises(InvalidName, match=message):
        Shop(**wrong)
