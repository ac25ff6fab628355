"""What a campaign tried, and what came of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.laboratory import WrongResult


@dataclass
class Line:
    """One kind of fault. `tried` counts the faults that happened, not those that were meant to."""

    fault: str
    part: str
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Report:
    """The lines of a campaign, in the order of their first fault. `run`: the command they come from; `part`: which
    part of the campaign it is at; `notes`: what else it measured."""

    run: str = ""
    part: str = "small"
    lines: dict[str, Line] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def happened(self, fault: str, times: int = 1) -> None:
        """Counts a fault."""
        self.line(fault).tried += times

    @contextmanager
    def watching(self, fault: str) -> Iterator[None]:
        """Takes a wrong result down, and goes on: a campaign tells all that it found."""
        began = time.monotonic()
        try:
            yield
        except AssertionError as error:
            self.line(fault).wrong.append(str(error))
        finally:
            self.line(fault).seconds += time.monotonic() - began

    def line(self, fault: str) -> Line:
        return self.lines.setdefault(fault, Line(fault, self.part))

    @property
    def wrong(self) -> list[str]:
        return [f"{line.fault}: {one}" for line in self.lines.values() for one in line.wrong]

    def check(self) -> None:
        """Raises WrongResult naming everything that was wrong."""
        if self.wrong:
            raise WrongResult("\n".join(self.wrong))

    @property
    def parts(self) -> set[str]:
        """Those that have lines."""
        return {line.part for line in self.lines.values()}

    def rows(self) -> list[str]:
        """The lines as Markdown: part, fault, times, wrong results, run. Without those that were not tried."""
        return [
            f"| {one.part} | {one.fault} | {one.tried} | {len(one.wrong)} | {self.run} |"
            for one in self.lines.values()
            if one.tried or one.wrong
        ]


def told(step: Callable[[], None], name: str) -> None:
    """Runs one part of a campaign, and says on standard error that it does, and how long it took."""
    began = time.monotonic()
    print(f"{name} ...", file=sys.stderr, flush=True)
    step()
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
