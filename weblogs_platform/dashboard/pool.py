"""Connections kept between queries: a login with TLS takes longer than most queries of a page.

A connection is lent to one transaction and comes back when that has ended. One that failed is closed. Idle ones
hold no transaction, and so no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

STATEMENT_SECS = 30
"""Nobody waits longer for a page."""


@dataclass
class Pool:
    """`open_one` makes a connection; at most `idle_limit` wait for their next use."""

    open_one: Callable[[], Any]
    idle_limit: int = 4
    _idle: list[Any] = field(default_factory=list)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def connect(self) -> Lent:
        """A connection as `clients.warehouse.Warehouse` uses it. Raises what opening raises."""
        with self._mutex:
            connection = self._idle.pop() if self._idle else None
        return Lent(self, connection or self._new())

    def take_back(self, connection: Any) -> None:
        with self._mutex:
            kept = len(self._idle) < self.idle_limit
            if kept:
                self._idle.append(connection)
        if not kept:
            close(connection)

    def empty(self) -> None:
        """Closes what is idle: the server that it led to is gone."""
        with self._mutex:
            idle, self._idle = self._idle, []
        for connection in idle:
            close(connection)

    def _new(self) -> Any:
        connection = self.open_one()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout TO {STATEMENT_SECS * 1000}")
            connection.commit()
        except BaseException:
            close(connection)
            raise
        return connection


class Lent:
    """A connection out of the pool, for one transaction. It goes back only if that was ended without an error."""

    def __init__(self, pool: Pool, connection: Any) -> None:
        self._pool = pool
        self._connection = connection
        self._ended = False

    def cursor(self) -> Any:
        self._ended = False
        return self._connection.cursor()

    def commit(self) -> None:
        self._connection.commit()
        self._ended = True

    def rollback(self) -> None:
        self._connection.rollback()
        self._ended = True

    def close(self) -> None:
        if self._ended:
            self._pool.take_back(self._connection)
        else:
            close(self._connection)


def close(connection: Any) -> None:
    """Closes a connection that may be broken."""
    with suppress(Exception):
        connection.close()
