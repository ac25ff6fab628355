"""Medians over the rounds, as a table for the terminal and as Markdown for docs/PERFORMANCE.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.meter import Step
from benchmarks.rounds import Round

_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"
_PROCESSES = ("loading process", "s3", "redshift")
_FLOOR_PROCESSES = ("floor process", "s3")
_HEADINGS = (
    "step",
    "seconds",
    "CPU seconds",
    "loading",
    "S3",
    "Redshift",
    "peak MB: loading",
    "S3",
    "Redshift",
)


@dataclass(frozen=True)
class Line:
    """One step: median seconds; for each process the median of its CPU seconds and its highest peak in MB, as far as
    they mean something."""

    name: str
    seconds: float
    cpus_secs: tuple[float, ...]
    peaks_mb: tuple[float, ...]

    @property
    def cpu_secs(self) -> float:
        """Of all processes."""
        return sum(self.cpus_secs)

    def cells(self) -> list[str]:
        cpus = _padded([f"{secs:.2f}" for secs in self.cpus_secs])
        peaks = _padded([f"{peak:.0f}" for peak in self.peaks_mb])
        return [self.name, f"{self.seconds:.2f}", f"{self.cpu_secs:.2f}", *cpus, *peaks]


def _padded(cells: list[str]) -> list[str]:
    return [*cells, *[""] * (len(_PROCESSES) - len(cells))]


@dataclass(frozen=True)
class Figures:
    """One kind of objects over all rounds."""

    kind: str
    title: str
    lines: tuple[Line, ...]
    whole: Line
    floor: Line | None
    bare: Line

    @property
    def beside(self) -> tuple[Line, ...]:
        """What the whole path is compared with."""
        return (self.floor, self.bare) if self.floor else (self.bare,)

    @property
    def ratio(self) -> float:
        """Whole path over bare read: seconds."""
        return self.whole.seconds / self.bare.seconds

    @property
    def cpu_ratio(self) -> float:
        return self.whole.cpu_secs / self.bare.cpu_secs

    @property
    def peak_sum_mb(self) -> float:
        """No more than this was resident at any moment in all three processes together."""
        return max(sum(line.peaks_mb) for line in self.lines)

    def verdict(self) -> str:
        return (
            f"{self.kind}: {self.ratio:.1f} times the bare read ({self.cpu_ratio:.1f} times its CPU seconds)"
            f"{self._floor_verdict()}; peak memory {self.peak_sum_mb:.0f} MB, all processes together"
        )

    def _floor_verdict(self) -> str:
        if self.floor is None:
            return ""
        above = f"{self.whole.seconds / self.floor.seconds:.1f} times the floor"
        above_cpu = f"{self.whole.cpu_secs / self.floor.cpu_secs:.1f} times its CPU seconds"
        lowest = f"the floor is {self.floor.seconds / self.bare.seconds:.1f} times the bare read"
        lowest_cpu = f"{self.floor.cpu_secs / self.bare.cpu_secs:.1f} times its CPU seconds"
        return f"; {above} ({above_cpu}); {lowest} ({lowest_cpu})"


def figures_of(rounds: Sequence[Round]) -> list[Figures]:
    """One for each kind, in the order of their first round."""
    kinds = dict.fromkeys(one.kind for one in rounds)
    return [_figures(kind, [one for one in rounds if one.kind == kind]) for kind in kinds]


def _figures(kind: str, rounds: list[Round]) -> Figures:
    first = rounds[0]
    names = [step.name for step in first.path.steps]
    lines = tuple(_line(name, [_named(one, name) for one in rounds]) for name in names)
    title = (
        f"{kind}: {first.path.objects} objects, {first.stored_bytes / 1e6:.0f} MB stored, {first.path.records:,} "
        f"records, {first.path.quarantined:,} bad; medians of {len(rounds)}"
    )
    whole = Line(
        "whole path",
        median(sum(step.seconds for step in one.path.steps) for one in rounds),
        tuple(median(sum(s.usage[p].cpu_secs for s in one.path.steps) for one in rounds) for p in _PROCESSES),
        tuple(max(line.peaks_mb[number] for line in lines) for number in range(len(_PROCESSES))),
    )
    return Figures(kind, title, lines, whole, _floor(rounds), _bare(rounds))


def _floor(rounds: list[Round]) -> Line | None:
    """Without peaks: it keeps all it reads."""
    floors = [one.floor.steps for one in rounds if one.floor]
    if not floors:
        return None
    return Line(
        "floor: two parses, two reads and a write over S3",
        median(sum(step.seconds for step in steps) for steps in floors),
        tuple(median(sum(s.usage[p].cpu_secs for s in steps) for steps in floors) for p in _FLOOR_PROCESSES),
        (),
    )


def _bare(rounds: list[Round]) -> Line:
    steps = [one.bare.step for one in rounds]
    peak = max(step.usage["duckdb"].peak_bytes for step in steps) / 1e6
    cpu = median(step.usage["duckdb"].cpu_secs for step in steps)
    return Line("bare read_json", median(step.seconds for step in steps), (cpu,), (peak,))


def _named(one: Round, name: str) -> Step:
    return next(step for step in one.path.steps if step.name == name)


def _line(name: str, steps: list[Step]) -> Line:
    peaks = tuple(max(step.usage[process].peak_bytes for step in steps) / 1e6 for process in _PROCESSES)
    cpus = tuple(median(step.usage[process].cpu_secs for step in steps) for process in _PROCESSES)
    return Line(name, median(step.seconds for step in steps), cpus, peaks)


def table(figures: Figures) -> Table:
    """For the terminal."""
    shown = Table(title=figures.title)
    for number, heading in enumerate(_HEADINGS):
        shown.add_column(heading, justify="right" if number else "left")
    for line in figures.lines:
        shown.add_row(*line.cells())
    shown.add_section()
    shown.add_row(*figures.whole.cells(), style="bold")
    for line in figures.beside:
        shown.add_row(*line.cells())
    return shown


def markdown(all_figures: Sequence[Figures], command: str) -> str:
    """For the page."""
    parts = [f"Command: `{command}`. Machine: {_machine()}."]
    for figures in all_figures:
        rows = [_HEADINGS, ("---", *["---:"] * (len(_HEADINGS) - 1))]
        rows += [line.cells() for line in (*figures.lines, figures.whole, *figures.beside)]
        lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        parts += [f"**{figures.title[0].upper()}{figures.title[1:]}**", lines, f"{figures.verdict()}."]
    return "\n\n".join(parts)


def write_into(page: Path, text: str) -> None:
    """Replaces the figures of the page. Raises ValueError when it has no place for them."""
    content = page.read_text(encoding="utf-8")
    before, begin, rest = content.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} has no `{_BEGIN}` and `{_END}` to put the figures between")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def _machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({platform.machine()}), {memory_gb:.0f} GB of memory, Python {platform.python_version()}"
