"""What each figure means: the words of the derived tables' declarations, so that there is one place for them."""

from __future__ import annotations

from functools import cache

from weblogs_platform.kpis import TABLES
from weblogs_platform.streams import STREAMS


@cache
def _descriptions() -> dict[tuple[str, str], str]:
    derived = {(t.name, c.name): c.description for t in TABLES for c in t.columns}
    loaded = {(s.table, f.column): f.description for s in STREAMS for f in s.fields}
    return {**loaded, **derived}


def of(table: str, column: str) -> str:
    """The declared description of a column. Raises KeyError for one that is not declared."""
    return _descriptions()[table, column]


def columns(table: str) -> dict[str, str]:
    """Every declared column of a table."""
    return {column: text for (name, column), text in _descriptions().items() if name == table}
