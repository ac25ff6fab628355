"""The benchmark, small: it takes the whole path, and its figures add up. Times themselves are held by nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import figures_of, markdown, table, write_into
from benchmarks.meter import Meter, Step, Usage
from benchmarks.rounds import BareRead, FloorRun, PathRun, Round

ROOT = Path(__file__).resolve().parents[2]
FLOOR = "floor: two parses, two reads and a write over S3"
PAGE = "before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n"


def _round(seconds: float, peak_mb: int = 100, *, with_floor: bool = True) -> Round:
    usage = {name: Usage(1.0, peak_mb * 10**6) for name in ("loading process", "s3", "redshift")}
    steps = (Step("validated", seconds, usage), Step("stream table", 1.0, usage))
    bare = BareRead(Step("bare read", 2.0, {"duckdb": Usage(3.0, 50 * 10**6)}), rows=90)
    path = PathRun(steps, objects=4, records=100, quarantined=2, rows=98)
    return Round("plain", 10**6, path, _floor() if with_floor else None, bare)


def _floor() -> FloorRun:
    usage = {name: Usage(0.5, 10**9) for name in ("floor process", "s3")}
    return FloorRun((Step("first", 1.0, usage), Step("second", 2.0, usage)), rows=98)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_small_run_writes_its_figures(tmp_path: Path) -> None:
    """The command of docs/PERFORMANCE.md goes on working: every step, both kinds of objects, the page."""
    page = tmp_path / "PERFORMANCE.md"
    page.write_text(PAGE, encoding="utf-8")
    small = ["--megabytes", "2", "--objects", "3", "--rounds", "1", "--write", "--page", str(page)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.whole_path", *small],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    for step in ("landing", "validated", "manifest", "stream table", "whole path", FLOOR, "bare read_json"):
        assert len(re.findall(rf"^\| {step} \|(?: +\d+\.\d\d \|){{2}}", text, re.MULTILINE)) == 2
    assert len(re.findall(r"\d+\.\d times the bare read \(.*; \d+\.\d times the floor", text)) == 2


def test_ratio_is_of_the_medians() -> None:
    """One slow round does not decide the ratio; one high peak decides the memory."""
    [figures] = figures_of([_round(3.0), _round(50.0, peak_mb=120), _round(5.0)])
    assert figures.whole.seconds == 6.0
    assert figures.ratio == 3.0
    assert figures.cpu_ratio == 2.0
    assert figures.peak_sum_mb == 360


def test_floor_stands_between_path_and_bare_read() -> None:
    """Its ratios are in the verdict, both ways; its memory, which says nothing, is in no sum."""
    [figures] = figures_of([_round(5.0)])
    assert figures.floor
    assert figures.floor.cells()[:3] == [FLOOR, "3.00", "2.00"]
    assert figures.floor.cells()[-3:] == ["", "", ""]
    assert "; 2.0 times the floor (3.0 times its CPU seconds); the floor is 1.5 times" in figures.verdict()
    assert figures.peak_sum_mb == 300


def test_without_a_floor_nothing_is_said_of_it() -> None:
    """On objects without new lines there is none."""
    [figures] = figures_of([_round(5.0, with_floor=False)])
    assert "floor" not in markdown([figures], "make bench")


def test_figures_replace_those_of_the_page(tmp_path: Path) -> None:
    """What people wrote around the figures stays; a page without a place for them is refused."""
    all_figures = figures_of([_round(3.0)])
    assert table(all_figures[0]).row_count == 5
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    write_into(page, markdown(all_figures, "make bench"))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "`make bench`" in text
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="figures: begin"):
        write_into(page, "new")


def test_peak_is_of_the_step() -> None:
    """A step after a hungry one has its own peak, not that of the process's life."""
    meter = Meter({"self": os.getpid()})
    with meter.step("hungry"):
        block = bytearray(b"x") * (64 * 1024 * 1024)
    del block
    with meter.step("frugal"):
        pass
    hungry, frugal = (step.usage["self"].peak_bytes for step in meter.steps)
    assert hungry > frugal + 32 * 1024 * 1024
