"""Rows of the batch files, and what becomes of a share of them: bad, delivered twice, corrected later.

A row that is delivered more than once carries its true values the last time, so that a reader who keeps the
latest ends with what the shops really did. Faults are drawn for every delivery of a row on its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any, Literal, TypeVar

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.local.traffic.firehose import SECOND_US
from weblogs_platform.local.traffic.record import DUPLICATE, FAULTS, LATE
from weblogs_platform.local.traffic.shop import Sale, StockLevel

Row = dict[str, Any]
"""Members and values as the source writes them; money and times are floats."""

Choice = TypeVar("Choice")

DAY_SECS = 86_400
CORRECTED_SHARE = 0.05
"""Of the rows of a file that a late one follows, so many had wrong values at first."""


@dataclass(frozen=True, kw_only=True)
class BatchShares:
    """What goes wrong, as shares 0 to 1: of the rows (`null` to `duplicate`), or of the files.

    The shares of bad rows exclude one another, so their sum is at most 1.
    """

    null: float = 0.0
    mistyped: float = 0.0
    negative: float = 0.0
    future: float = 0.0
    columns: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0
    bom: float = 0.0
    crlf: float = 0.0
    quoted: float = 0.0
    reordered: float = 0.0
    extra_column: float = 0.0
    json_lines: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            share = getattr(self, item.name)
            if not (math.isfinite(share) and 0 <= share <= 1):
                raise InvalidName(f"the {item.name} share is between 0 and 1, got {share}")
        if self.bad > 1:
            raise InvalidName(f"the shares of bad rows add up to {self.bad:g}, more than 1")

    @property
    def bad(self) -> float:
        return self.null + self.mistyped + self.negative + self.future + self.columns


@dataclass(frozen=True)
class Line:
    """A row as it is delivered, with its tags. `surplus` is by how many values its CSV line is too long."""

    row: Row
    tags: int = 0
    surplus: int = 0


@dataclass(frozen=True)
class Source:
    """What faults have to know of a source: its members by kind, and how a draft of a row differs from it."""

    name: str
    required: tuple[str, ...]
    numbers: tuple[str, ...]
    amounts: tuple[str, ...]
    time: str
    draft: Callable[[Random, Row], Row]
    misfit: Literal["wrong_columns", "missing"]


@dataclass
class Delivered:
    """The lines of a file and those of the late one that follows it, if any."""

    lines: list[Line] = field(default_factory=list[Line])
    later: list[Line] = field(default_factory=list[Line])


def sale_row(sale: Sale) -> Row:
    """The row of the POS file, its members in the documented order."""
    discount = None if sale.discount_cents is None else sale.discount_cents / 100
    return {
        "transaction_id": sale.transaction_id,
        "store_id": sale.store_id,
        "product_id": sale.product_id,
        "quantity": sale.quantity,
        "revenue": sale.revenue_cents / 100,
        "discount_applied": discount,
        "timestamp": sale.at_us / SECOND_US,
    }


def stock_row(level: StockLevel) -> Row:
    """The record of the inventory file, its members in the documented order."""
    return {
        "inventory_id": level.inventory_id,
        "product_id": level.product_id,
        "warehouse_id": level.warehouse_id,
        "stock_level": level.stock_level,
        "restock_threshold": level.restock_threshold,
        "last_updated": level.at_us / SECOND_US,
    }


def _sale_draft(rng: Random, row: Row) -> Row:
    """Rung up for more pieces, and without the discount."""
    more = row["quantity"] + 1 + int(rng.random() * 3)
    revenue = round(row["revenue"] / row["quantity"] * more, 2)
    return row | {"quantity": more, "revenue": revenue, "discount_applied": None}


def _stock_draft(rng: Random, row: Row) -> Row:
    """Miscounted by up to nine pieces too many."""
    return row | {"stock_level": row["stock_level"] + 1 + int(rng.random() * 9)}


POS = Source(
    name="pos",
    required=("transaction_id", "store_id", "product_id", "quantity", "revenue", "timestamp"),
    numbers=("store_id", "product_id", "quantity", "revenue", "timestamp"),
    amounts=("quantity", "revenue", "timestamp"),
    time="timestamp",
    draft=_sale_draft,
    misfit="wrong_columns",
)
INVENTORY = Source(
    name="inventory",
    required=("inventory_id", "product_id", "warehouse_id", "stock_level", "last_updated"),
    numbers=("product_id", "warehouse_id", "stock_level", "last_updated"),
    amounts=("stock_level", "last_updated"),
    time="last_updated",
    draft=_stock_draft,
    misfit="missing",
)


def deliver(
    source: Source,
    shares: BatchShares,
    rng: Random,
    rows: Iterable[Row],
    held_back: Callable[[Row], bool] | None,
) -> Delivered:
    """The lines of a file. `held_back` is None, or says which rows miss the file and come in a late one, which
    also corrects some of the others."""
    delivered = Delivered()
    again: list[Line] = []
    for row in rows:
        if held_back and held_back(row):
            delivered.later.append(Line(row, LATE))
            continue
        first = row
        if held_back and rng.random() < CORRECTED_SHARE:
            first = source.draft(rng, row)
            delivered.later.append(Line(row, LATE))
        elif rng.random() < shares.duplicate:
            first = source.draft(rng, row)
            again.append(Line(row, DUPLICATE))
        delivered.lines.append(Line(first))
    faults = _Faults(source, shares, rng)
    delivered.lines = [faults.apply(line) for line in delivered.lines + again]
    delivered.later = [faults.apply(line) for line in delivered.later]
    return delivered


class _Faults:
    """Makes a share of the lines bad."""

    def __init__(self, source: Source, shares: BatchShares, rng: Random) -> None:
        self._source, self._rng = source, rng
        self._kinds = (
            (shares.null, self._null),
            (shares.mistyped, self._mistyped),
            (shares.negative, self._negative),
            (shares.future, self._future),
            (shares.columns, self._misfit),
        )

    def apply(self, line: Line) -> Line:
        luck = self._rng.random()
        for share, make in self._kinds:
            luck -= share
            if luck < 0:
                return make(line)
        return line

    def _null(self, line: Line) -> Line:
        return _bad(line, "null", {self._pick(self._source.required): None})

    def _mistyped(self, line: Line) -> Line:
        return _bad(line, "wrong_type", {self._pick(self._source.numbers): "a dozen"})

    def _negative(self, line: Line) -> Line:
        name = self._pick(self._source.amounts)
        return _bad(line, "negative", {name: -1 - line.row[name]})

    def _future(self, line: Line) -> Line:
        days = 2 + int(self._rng.random() * 28)
        return _bad(line, "future", {self._source.time: line.row[self._source.time] + days * DAY_SECS})

    def _misfit(self, line: Line) -> Line:
        """A CSV line with a value too many or too few, a JSON record without a member that it must have."""
        if self._source.misfit == "wrong_columns":
            return replace(_bad(line, "wrong_columns", {}), surplus=self._pick((-1, 1)))
        name = self._pick(self._source.required)
        bad = _bad(line, "missing", {})
        return replace(bad, row={key: value for key, value in line.row.items() if key != name})

    def _pick(self, choices: Sequence[Choice]) -> Choice:
        return choices[int(self._rng.random() * len(choices))]


def _bad(line: Line, kind: str, changes: Row) -> Line:
    return replace(line, row=line.row | changes, tags=line.tags | FAULTS.index(kind))
