"""What a campaign tried, and what came of it."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.laboratory import WrongResult

_FIGURES = re.compile(r"(<!-- figures: begin -->\n).*?(<!-- figures: end -->)", re.DOTALL)


@dataclass
class Line:
    """One kind of fault. `tried` counts the faults that happened, not those that were meant to."""

    fault: str
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Report:
    """The lines of a campaign, in the order of their first fault."""

    lines: dict[str, Line] = field(default_factory=dict)

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
        return self.lines.setdefault(fault, Line(fault))

    @property
    def wrong(self) -> list[str]:
        return [f"{line.fault}: {one}" for line in self.lines.values() for one in line.wrong]

    def check(self) -> None:
        """Raises WrongResult naming everything that was wrong."""
        if self.wrong:
            raise WrongResult("\n".join(self.wrong))

    def table(self) -> str:
        """As Markdown."""
        rows = [f"| {one.fault} | {one.tried} | {len(one.wrong)} |" for one in self.lines.values()]
        total = f"| **all** | **{sum(one.tried for one in self.lines.values())}** | **{len(self.wrong)}** |"
        return "\n".join(["| fault | times | wrong results |", "|---|---:|---:|", *rows, total])


def write_into(page: Path, text: str) -> None:
    """Replaces the figures of the page."""
    before = page.read_text(encoding="utf-8")
    after, found = _FIGURES.subn(lambda match: f"{match[1]}{text}\n{match[2]}", before)
    if found != 1:
        raise ValueError(f"{page} has no place for figures")
    page.write_text(after, encoding="utf-8")


def told(step: Callable[[], None], name: str) -> None:
    """Runs one part of a campaign, and says on standard error that it does, and how long it took."""
    began = time.monotonic()
    print(f"{name} ...", file=sys.stderr, flush=True)
    step()
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
