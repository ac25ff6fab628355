"""The shops' tills and warehouses, hour by hour: what is sold leaves stock, restocks come.

Every store is served by one warehouse. A till sells what the shelf holds: less than the customer wanted when
stock runs low, nothing once it is 0, so that stock is never negative. A shelf with a restock threshold is
ordered when a sale brings it to the threshold or below it; shelves without one (about 40 %) are looked after
once a day only, and run out more often. An order takes 2 to 12 hours.

Stocktaking on Monday, 00:00 UTC, sets every shelf anew, and orders that are under way then are cancelled. A
week is therefore a function of the seed and of the week alone, and an hour costs at most a week's
simulation.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.firehose import HOUR_US, SECOND_US, hour_start_us
from weblogs_platform.local.traffic.model import (
    intensity,
    lookup,
    rng_for,
    session_uuid,
    visit_starts,
    zipf,
)

FIRST_PRODUCT = 1000
MOST_STORES, MOST_PRODUCTS, MOST_WAREHOUSES = 50, 1000, 10

_CHEAPEST_CENTS, _DEAREST_CENTS = 1500, 6225
_DISCOUNT_CENTS = (135, 2159)
_FULL_SHELF = (75, 488)
_THRESHOLD = (10, 72)
_WITHOUT_THRESHOLD = 0.4
_WITHOUT_DISCOUNT = 0.55
_NEGLECTED_STOCK = 20
_ROUND_HOUR = 5
_LEAD_US = (2 * HOUR_US, 12 * HOUR_US)
_READING_US = (1 * SECOND_US, 100 * SECOND_US)
_RESTOCKED, _READ, _SOLD = range(3)


class Sale(NamedTuple):
    """A line of a receipt. `at_us` in microseconds since 1970 UTC, money in cents, before the discount."""

    at_us: int
    transaction_id: str
    store_id: int
    product_id: int
    quantity: int
    unit_cents: int
    discount_cents: int | None

    @property
    def revenue_cents(self) -> int:
        return self.quantity * self.unit_cents


class Restock(NamedTuple):
    """Units that arrived at a shelf."""

    at_us: int
    product_id: int
    warehouse_id: int
    units: int


class StockLevel(NamedTuple):
    """A shelf as the warehouse read it at `at_us`."""

    at_us: int
    inventory_id: str
    product_id: int
    warehouse_id: int
    stock_level: int
    restock_threshold: int | None


@dataclass(frozen=True)
class ShopHour:
    """One hour, each list in order of time; the snapshot holds every shelf once, warehouse by warehouse."""

    hour: LandingHour
    sales: list[Sale] = field(default_factory=list[Sale])
    restocks: list[Restock] = field(default_factory=list[Restock])
    snapshot: list[StockLevel] = field(default_factory=list[StockLevel])


@dataclass(frozen=True, kw_only=True)
class Shop:
    """How large the business is. `sales_rate` is sales an hour, averaged over a week; `curve` gives days and
    weeks their shape. Raises InvalidName for numbers that no such shop has."""

    stores: int = 12
    products: int = 120
    warehouses: int = 4
    sales_rate: float = 120.0
    seed: int = 1
    curve: bool = True

    def __post_init__(self) -> None:
        for name, most in (
            ("stores", MOST_STORES),
            ("products", MOST_PRODUCTS),
            ("warehouses", MOST_WAREHOUSES),
        ):
            if not 1 <= getattr(self, name) <= most:
                raise InvalidName(f"there are 1 to {most} {name}, got {getattr(self, name)}")
        if not (math.isfinite(self.sales_rate) and self.sales_rate > 0):
            raise InvalidName(f"the sales rate is a positive number of sales an hour, got {self.sales_rate}")

    def warehouse_of(self, store_id: int) -> int:
        """The warehouse that the store's sales are taken from."""
        return (store_id - 1) % self.warehouses + 1

    def shelf(self, product_id: int, warehouse_id: int) -> int:
        """The place of a product of a warehouse in lists of shelves."""
        return (warehouse_id - 1) * self.products + product_id - FIRST_PRODUCT

    @cached_property
    def shelves(self) -> tuple[StockLevel, ...]:
        """Every shelf with its id and threshold; time and stock are 0."""
        rng = rng_for(self.seed, "shop", "shelves", self.products, self.warehouses)
        return tuple(
            StockLevel(0, session_uuid(rng), product_id, warehouse_id, 0, _threshold(rng))
            for warehouse_id in range(1, self.warehouses + 1)
            for product_id in range(FIRST_PRODUCT, FIRST_PRODUCT + self.products)
        )

    @cached_property
    def unit_cents(self) -> tuple[int, ...]:
        """Prices in order of product ids; most products are cheap."""
        rng = rng_for(self.seed, "shop", "prices")
        span = _DEAREST_CENTS - _CHEAPEST_CENTS + 1
        return tuple(_CHEAPEST_CENTS + int(rng.random() ** 2 * span) for _ in range(self.products))

    @cached_property
    def store_draws(self) -> list[int]:
        return _ranked(self.seed, "stores", range(1, self.stores + 1), 0.5)

    @cached_property
    def product_draws(self) -> list[int]:
        return _ranked(self.seed, "products", range(FIRST_PRODUCT, FIRST_PRODUCT + self.products), 0.7)


def shop_hours(shop: Shop, first: LandingHour) -> Iterator[ShopHour]:
    """What happens from `first` on, hour after hour, without end."""
    hour = first.plus(-_hours_since_monday(first))
    week = _Week(shop, hour)
    while True:
        if _hours_since_monday(hour) == 0:
            week = _Week(shop, hour)
        happened = week.run(hour)
        if hour >= first:
            yield happened
        hour = hour.plus(1)


class _Week:
    """The shelves from a Monday on, and the orders under way. Hours are run in order."""

    def __init__(self, shop: Shop, monday: LandingHour) -> None:
        self._shop = shop
        self._rng = rng_for(shop.seed, "shop", "week", monday.path)
        self._stock = [_between(self._rng, _FULL_SHELF) for _ in shop.shelves]
        self._orders: list[Restock] = []
        self._ordered: set[int] = set()

    def run(self, hour: LandingHour) -> ShopHour:
        happened = ShopHour(hour)
        if hour.start.hour == _ROUND_HOUR:
            self._make_the_round(hour_start_us(hour))
        wanted: list[tuple[int, int, Any]] = [(sale.at_us, _SOLD, sale) for sale in _wanted(self._shop, hour)]
        for at_us, kind, what in sorted([*self._arriving(hour), *_readings(self._shop, hour), *wanted]):
            if kind == _RESTOCKED:
                happened.restocks.append(self._restock(what))
            elif kind == _READ:
                happened.snapshot.extend(self._read(at_us, what))
            elif (sold := self._sell(what)).quantity:
                happened.sales.append(sold)
        return happened

    def _arriving(self, hour: LandingHour) -> Iterator[tuple[int, int, Any]]:
        end_us = hour_start_us(hour) + HOUR_US
        while self._orders and self._orders[0].at_us < end_us:
            restock = heapq.heappop(self._orders)
            yield restock.at_us, _RESTOCKED, restock

    def _restock(self, restock: Restock) -> Restock:
        shelf = self._shop.shelf(restock.product_id, restock.warehouse_id)
        self._stock[shelf] += restock.units
        self._ordered.discard(shelf)
        return restock

    def _read(self, at_us: int, warehouse_id: int) -> list[StockLevel]:
        first = (warehouse_id - 1) * self._shop.products
        return [
            self._shop.shelves[n]._replace(at_us=at_us, stock_level=self._stock[n])
            for n in range(first, first + self._shop.products)
        ]

    def _sell(self, wanted: Sale) -> Sale:
        """The sale with the quantity that there is, perhaps 0."""
        shelf = self._shop.shelf(wanted.product_id, self._shop.warehouse_of(wanted.store_id))
        quantity = min(wanted.quantity, self._stock[shelf])
        self._stock[shelf] -= quantity
        threshold = self._shop.shelves[shelf].restock_threshold
        if threshold is not None and self._stock[shelf] <= threshold:
            self._order(shelf, wanted.at_us)
        return wanted._replace(quantity=quantity)

    def _make_the_round(self, at_us: int) -> None:
        for number, shelf in enumerate(self._shop.shelves):
            if shelf.restock_threshold is None and self._stock[number] <= _NEGLECTED_STOCK:
                self._order(number, at_us)

    def _order(self, number: int, at_us: int) -> None:
        if number in self._ordered:
            return
        shelf = self._shop.shelves[number]
        units = max(1, _between(self._rng, _FULL_SHELF) - self._stock[number])
        arrival_us = at_us + _between(self._rng, _LEAD_US)
        self._ordered.add(number)
        heapq.heappush(self._orders, Restock(arrival_us, shelf.product_id, shelf.warehouse_id, units))


def _wanted(shop: Shop, hour: LandingHour) -> Iterator[Sale]:
    """What customers want in that hour, whether it is there or not."""
    rng = rng_for(shop.seed, "shop", "sales", hour.path)
    rate = shop.sales_rate * (intensity(hour) if shop.curve else 1.0)
    for at_us in visit_starts(rng, hour, rate):
        product_id = shop.product_draws[rng.getrandbits(12)]
        unit_cents = shop.unit_cents[product_id - FIRST_PRODUCT]
        yield Sale(
            at_us,
            session_uuid(rng),
            shop.store_draws[rng.getrandbits(12)],
            product_id,
            _between(rng, (2, 8)),
            unit_cents,
            _discount_cents(rng, unit_cents),
        )


def _discount_cents(rng: Random, unit_cents: int) -> int | None:
    """Less than the price of one unit, so that no sale is given away."""
    if rng.random() < _WITHOUT_DISCOUNT:
        return None
    return _between(rng, (_DISCOUNT_CENTS[0], min(_DISCOUNT_CENTS[1], unit_cents // 2)))


def _readings(shop: Shop, hour: LandingHour) -> Iterator[tuple[int, int, Any]]:
    """The moments just after the full hour at which each warehouse reads its shelves."""
    rng = rng_for(shop.seed, "shop", "readings", hour.path)
    for warehouse_id in range(1, shop.warehouses + 1):
        yield hour_start_us(hour) + _between(rng, _READING_US), _READ, warehouse_id


def _hours_since_monday(hour: LandingHour) -> int:
    return hour.start.weekday() * 24 + hour.start.hour


def _threshold(rng: Random) -> int | None:
    chosen = _between(rng, _THRESHOLD)
    return None if rng.random() < _WITHOUT_THRESHOLD else chosen


def _ranked(seed: int, what: str, ids: range, exponent: float) -> list[int]:
    """A table of 4096 draws in which a few of the ids make most."""
    rng = rng_for(seed, "shop", what)
    ranked = sorted(ids, key=lambda _: rng.random())
    return lookup(ranked, zipf(len(ranked), exponent), 4096)


def _between(rng: Random, bounds: tuple[int, int]) -> int:
    """A whole number of the range, both ends included."""
    return bounds[0] + int(rng.random() * (bounds[1] - bounds[0] + 1))
