"""Dagster's SQLite storage without waiting for the disk at every event.

Dagster connects to SQLite anew for each event. The last connection to leave makes SQLite write its log back and wait
for the disk, and so does each commit: together more than the loading itself. One more connection to each file, held,
and `synchronous=NORMAL` spare both. The crash of a process loses nothing by it. The crash of the machine may lose the
last events; what is loaded stands in the ledger, not here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def kept_open() -> Iterator[None]:
    """While the block runs, this process keeps every SQLite file open that SQLAlchemy connects to."""
    keeper = _Keeper()
    event.listen(Engine, "connect", keeper.on_connect)
    try:
        yield
    finally:
        event.remove(Engine, "connect", keeper.on_connect)
        keeper.close()


@dataclass
class _Keeper:
    """A connection to each file. Connections come in any thread."""

    _held: dict[str, sqlite3.Connection] = field(default_factory=dict[str, sqlite3.Connection])
    _lock: Lock = field(default_factory=Lock)

    def on_connect(self, connection: Any, _record: object) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")
            file = next((row[2] for row in cursor.execute("PRAGMA database_list") if row[1] == "main"), "")
        if file:
            self._hold(file)

    def close(self) -> None:
        with self._lock:
            for held in self._held.values():
                held.close()
            self._held.clear()

    def _hold(self, file: str) -> None:
        with self._lock:
            if file not in self._held:
                self._held[file] = sqlite3.connect(file, check_same_thread=False)
            # Only a connection that has read since the log came into being counts as one.
            self._held[file].execute("PRAGMA schema_version").fetchone()
