"""Warehouses in which something happens at a chosen moment of a refresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from weblogs_platform.clients.warehouse import Warehouse


class _Meddled:
    """A connection or cursor that calls `before` with each statement before it runs."""

    def __init__(self, inner: Any, before: Callable[[str], None]) -> None:
        self.__dict__.update(_inner=inner, _before=before)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *how: object) -> None:
        self._inner.close()

    def cursor(self) -> _Meddled:
        return _Meddled(self._inner.cursor(), self._before)

    def execute(self, sql: str, parameters: Any) -> None:
        self._before(sql)
        self._inner.execute(sql, parameters)


def before_statement(warehouse: Warehouse, start: str, action: Callable[[], object]) -> Warehouse:
    """The warehouse, with `action` done once before the first statement that starts so."""
    waiting = [action]

    def before(sql: str) -> None:
        if waiting and start in sql:
            waiting.pop()()

    return replace(warehouse, connect=lambda: _Meddled(warehouse.connect(), before))
