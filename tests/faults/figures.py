"""The figures of docs/RELIABILITY.md: one line a fault, with the part of the campaign, the command and the seed that it
comes from. Parts may be run one by one: each run replaces the lines of its parts alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.faults.report import Report

_FIGURES = re.compile(r"(<!-- figures: begin -->\n).*?(<!-- figures: end -->)", re.DOTALL)
_ROW = re.compile(
    r"\| (?P<part>[a-z]\w*) \| (?P<fault>.*) \| (?P<tried>\d+) \| (?P<wrong>\d+) \| (?P<run>.*) \|"
)
_HEAD = "| part | fault | times | wrong results | run |\n|---|---|---:|---:|---|"


def write_into(page: Path, report: Report, order: Sequence[str]) -> None:
    """Puts the report's lines in the place of those that its parts have there; parts stand in this order."""
    text = page.read_text(encoding="utf-8")
    found = _FIGURES.search(text)
    if not found:
        raise ValueError(f"{page} has no place for figures")
    old = [row for row in _ROW.finditer(found[0]) if row["part"] not in report.parts]
    rows = [*(row[0] for row in old), *report.rows()]
    rows.sort(
        key=lambda row: _place(row, order)
    )  # stable: a part's lines stay in the order in which they came
    figures = "\n".join([_HEAD, *rows, *totals(rows)])
    page.write_text(_FIGURES.sub(lambda match: f"{match[1]}{figures}\n{match[2]}", text), encoding="utf-8")


def totals(rows: Sequence[str]) -> list[str]:
    """What the lines come to: faults, and how many of them killed something, around a commit. Inputs of fuzzing are no
    faults; what they found wrong counts."""
    found = [row for row in map(_ROW.fullmatch, rows) if row]
    faults = [row for row in found if row["part"] != "fuzz"]
    kills = [row for row in found if row["fault"].startswith("kill -9")]
    commits = [row for row in kills if "commit" in row["fault"]]
    wrong = sum(int(row["wrong"]) for row in found)
    return [
        f"| | **all faults** | **{_tried(faults)}** | **{wrong}** | |",
        f"| | of them `kill -9` | {_tried(kills)} | | |",
        f"| | of these around a commit | {_tried(commits)} | | |",
    ]


def _tried(rows: Sequence[re.Match[str]]) -> int:
    return sum(int(row["tried"]) for row in rows)


def _place(row: str, order: Sequence[str]) -> int:
    part = row.split(" ", 2)[1]
    return order.index(part) if part in order else len(order)
