"""The load errors of one COPY: counted against MAXERROR and written through the session."""

from __future__ import annotations

from weblogs_platform.local.redshift.contract import CopySession, LoadError, RedshiftError

_FLUSH_COUNT = 1000  # each may carry 2,048 characters: many are not held back
_RECORD_LIMIT = 100_000  # of errors written for one COPY; IGNOREALLERRORS has no other bound
_TEXT_LIMIT = 1024


def load_failed(table: str, reason: str | None = None) -> RedshiftError:
    """The error of a COPY that loaded nothing; `reason` when it is not that errors reached MAXERROR."""
    message = f"Load into table '{table}' failed.  Check 'stl_load_errors' system table for details."
    return RedshiftError("XX000", message, detail=reason)


def clipped(text: str) -> str:
    """What stl_load_errors can hold of a text: its first 1,024 characters, without NUL."""
    return text[:_TEXT_LIMIT].replace("\0", "")


class ErrorLog:
    """Counts errors; raises `load_failed` when they reach the maximum (None: never)."""

    def __init__(self, session: CopySession, table: str, max_errors: int | None) -> None:
        self._session = session
        self._table = table
        self._max = max_errors
        self._pending: list[LoadError] = []
        self.count = 0

    def add(self, error: LoadError, *, repeated: int = 1) -> None:
        """Counts `error`, which stands for `repeated` ones of the same kind at the same place."""
        for _ in range(repeated):
            if self.count >= _RECORD_LIMIT and self._max is None:
                self.count += 1
                continue
            self._write(error)

    def _write(self, error: LoadError) -> None:
        self.count += 1
        self._pending.append(error)
        if self._max is not None and self.count >= self._max:
            self.flush()
            raise load_failed(self._table)
        if len(self._pending) >= _FLUSH_COUNT:
            self.flush()

    def fatal(self, error: LoadError) -> RedshiftError:
        """Records an error that fails the COPY whatever MAXERROR says, and returns what to raise."""
        self.count += 1
        self._pending.append(error)
        self.flush()
        return load_failed(self._table, error.error_message)

    def flush(self) -> None:
        if self._pending:
            self._session.record_errors(self._pending)
            self._pending = []
