"""Dagster's SQLite files, kept open while a command loads."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from assets.sqlite_storage import kept_open


def write_one(file: Path) -> None:
    """As Dagster does for each event: an engine, a connection, a transaction, all closed."""
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS events (n INTEGER)"))
        connection.execute(text("INSERT INTO events VALUES (1)"))
    engine.dispose()


def test_the_log_is_written_back_once_at_the_end(tmp_path: Path):
    """Fails when each event waits for the disk twice again: a demo then takes more than twice as long."""
    file, log = tmp_path / "events.db", tmp_path / "events.db-wal"
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA journal_mode=WAL"))
    with kept_open():
        for _ in range(3):
            write_one(file)
            assert log.stat().st_size > 0
    assert not log.exists()
    write_one(file)
    assert not log.exists()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM events")).scalar() == 4
