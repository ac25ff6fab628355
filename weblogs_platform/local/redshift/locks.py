"""Table locks, as Redshift's clients see them: who writes a table waits for its other writers.

Three modes. READ (queries) conflicts with EXCLUSIVE only, WRITE (DML, COPY) with WRITE and EXCLUSIVE, EXCLUSIVE
(LOCK, DDL, TRUNCATE) with all. Locks are held to the end of the transaction; waiters are served in order; a cycle of
waiters fails the one that would close it with 40P01. DuckDB knows nothing of this: it would fail the second writer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from weblogs_platform.local.redshift.contract import RedshiftError


class Mode(IntEnum):
    """Stronger modes have higher numbers."""

    READ = 1
    WRITE = 2
    EXCLUSIVE = 3


def _conflict(one: Mode, other: Mode) -> bool:
    return one is Mode.EXCLUSIVE or other is Mode.EXCLUSIVE or (one is Mode.WRITE and other is Mode.WRITE)


class Holder:
    """A transaction that takes locks; compared by identity."""

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass
class _Lock:
    held: dict[Holder, Mode] = field(default_factory=dict)
    queue: list[tuple[Holder, Mode]] = field(default_factory=list)

    def blockers(self, holder: Holder, mode: Mode) -> set[Holder]:
        """Who has to go first: holders in conflict and, unless the holder already has a lock here (an upgrade
        that waited behind others could never be served), those who wait longer."""
        blocking = {other for other, had in self.held.items() if other is not holder and _conflict(mode, had)}
        if holder in self.held:
            return blocking
        for other, wanted in self.queue:
            if other is holder:
                break
            if _conflict(mode, wanted):
                blocking.add(other)
        return blocking


class LockManager:
    """All locks of the server, under one condition variable: statements are few and short here."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._locks: dict[str, _Lock] = {}
        self._waiting: dict[Holder, tuple[_Lock, Mode]] = {}

    def acquire(self, holder: Holder, key: str, mode: Mode, check: Callable[[], None]) -> None:
        """Waits for the lock. `check` is called at least every half second while waiting and raises to give up.

        Raises RedshiftError 40P01 when waiting would never end, and whatever `check` raises.
        """
        with self._changed:
            lock = self._locks.setdefault(key, _Lock())
            if lock.held.get(holder, 0) >= mode:
                return
            entry = (holder, mode)
            lock.queue.append(entry)
            self._waiting[holder] = (lock, mode)
            try:
                self._wait(lock, holder, mode, check)
                lock.held[holder] = mode
            finally:
                del self._waiting[holder]
                lock.queue.remove(entry)
                self._changed.notify_all()

    def _wait(self, lock: _Lock, holder: Holder, mode: Mode, check: Callable[[], None]) -> None:
        while lock.blockers(holder, mode):
            if self._closes_cycle(holder):
                raise RedshiftError("40P01", "deadlock detected")
            check()
            self._changed.wait(timeout=0.5)

    def _closes_cycle(self, start: Holder) -> bool:
        seen: set[Holder] = set()
        pending = [start]
        while pending:
            current = pending.pop()
            waiting = self._waiting.get(current)
            if waiting is None:
                continue
            lock, mode = waiting
            for blocker in lock.blockers(current, mode):
                if blocker is start:
                    return True
                if blocker not in seen:
                    seen.add(blocker)
                    pending.append(blocker)
        return False

    def release_all(self, holder: Holder) -> None:
        """Ends the holder's transaction."""
        with self._changed:
            for key in [key for key, lock in self._locks.items() if holder in lock.held]:
                lock = self._locks[key]
                del lock.held[holder]
                if not lock.held and not lock.queue:
                    del self._locks[key]
            self._changed.notify_all()

    def wake(self) -> None:
        """Makes every waiter call its `check` now (a cancel request has come)."""
        with self._changed:
            self._changed.notify_all()
