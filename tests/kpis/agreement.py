"""Comparing tables cell by cell, and telling every difference."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tests.kpis import oracle
from tests.kpis.shop import Rows, Shop
from weblogs_platform.kpis import TABLES


def assert_agrees(shop: Shop) -> dict[str, int]:
    """Holds that every cell of every table is what the oracle says; how many rows each table has."""
    expected = oracle.every_table(shop.delivered)
    assert set(expected) == {table.name for table in TABLES}
    found = shop.all_rows()
    problems = [
        problem
        for table in TABLES
        for problem in differences(
            table.name, found[table.name], {tuple(r[k] for k in table.key): r for r in expected[table.name]}
        )
    ]
    assert not problems, "\n" + "\n".join(problems[:40])
    return {name: len(rows) for name, rows in found.items()}


def differences(name: str, found: Rows, expected: Rows) -> Iterator[str]:
    """What differs: exact, but floats to 1e-9."""
    yield from (f"{name}: missing {expected[key]}" for key in expected.keys() - found.keys())
    yield from (f"{name}: unexpected {found[key]}" for key in found.keys() - expected.keys())
    for key in expected.keys() & found.keys():
        assert found[key].keys() == expected[key].keys()
        for column, value in expected[key].items():
            if not _same(found[key][column], value):
                yield f"{name} {key}: {column} is {found[key][column]!r}, expected {value!r}"


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, (int, float)):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return type(found) is type(expected) and found == expected
