"""The components' logs, merged for reading and followed as they grow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from weblogs_platform.local.errors import StackError
from weblogs_platform.local.home import Home
from weblogs_platform.local.running import tail

_POLL_SECS = 0.2


class NoSuchLog(StackError):
    """There is no log of that component."""


@dataclass
class _Followed:
    """A log and how far it was shown."""

    path: Path
    offset: int

    def new_lines(self) -> list[str]:
        """Whole lines since the last call; from the start again when the log was begun anew."""
        size = self.path.stat().st_size if self.path.exists() else 0
        self.offset = self.offset if size >= self.offset else 0
        if size == self.offset:
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            whole, newline, _ = file.read(size - self.offset).rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        return whole.decode("utf-8", errors="replace").splitlines() if newline else []


def components(home: Home) -> list[str]:
    """The components that have written a log."""
    return sorted(path.stem for path in home.path("logs").glob("*.log"))


def read(home: Home, component: str | None, lines: int, *, follow: bool) -> Iterator[str]:
    """The last lines of one log or of each; with `follow`, then what is added, without end.
    Raises NoSuchLog, naming those there are."""
    known = components(home)
    if component and component not in known:
        raise NoSuchLog(
            f"no log of {component!r} in {home.path('logs')}; there are: {', '.join(known) or 'none'}"
        )
    chosen = [component] if component else known
    width = 0 if component else max(map(len, chosen), default=0)
    followed = {name: _Followed(home.log_path(name), _size(home.log_path(name))) for name in chosen}
    for name in chosen:
        yield from _labelled(name, tail(home.log_path(name), lines), width)
    while follow:
        for name, log in followed.items():
            yield from _labelled(name, log.new_lines(), width)
        time.sleep(_POLL_SECS)


def _size(path: Path) -> int:
    return path.stat().st_size


def _labelled(name: str, lines: list[str], width: int) -> Iterator[str]:
    for line in lines:
        yield f"{name:<{width}} | {line}" if width else line
