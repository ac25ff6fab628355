"""The page of the campaign's figures: parts that run again replace their own lines and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.figures import write_into
from tests.faults.report import Report

ORDER = ("places", "commits", "s3")


def _report(run: str, part: str, **tried: int) -> Report:
    report = Report(run, part)
    for fault, times in tried.items():
        report.happened(
            {"kill": "kill -9 of a run", "commit": "kill -9 in a commit"}.get(fault, fault), times
        )
    return report


def test_parts_replace_their_own_lines(tmp_path: Path) -> None:
    """A run of one part wipes out the figures of the others, or leaves its own old ones beside the new;
    or a fuzzer's inputs drown the faults in the total."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: begin -->\n<!-- figures: end -->\nafter\n", encoding="utf-8")
    write_into(page, _report("`--only s3`, seed 1", "s3", list=7), ORDER)
    write_into(page, _report("`--only commits`, seed 2", "commits", commit=5, nothing=0), ORDER)
    write_into(page, _report("`--only places`, seed 3", "places", kill=4), ORDER)
    write_into(page, _report("`--only fuzz`, seed 1", "fuzz", inputs=9000), ORDER)
    write_into(page, _report("`--only commits`, seed 4", "commits", commit=6), ORDER)
    assert page.read_text(encoding="utf-8").splitlines() == [
        "before",
        "<!-- figures: begin -->",
        "| part | fault | times | wrong results | run |",
        "|---|---|---:|---:|---|",
        "| places | kill -9 of a run | 4 | 0 | `--only places`, seed 3 |",
        "| commits | kill -9 in a commit | 6 | 0 | `--only commits`, seed 4 |",
        "| s3 | list | 7 | 0 | `--only s3`, seed 1 |",
        "| fuzz | inputs | 9000 | 0 | `--only fuzz`, seed 1 |",
        "| | **all faults** | **17** | **0** | |",
        "| | of them `kill -9` | 10 | | |",
        "| | of these around a commit | 6 | | |",
        "<!-- figures: end -->",
        "after",
    ]


def test_a_wrong_result_is_a_line_even_where_nothing_was_tried() -> None:
    """The last look at everything finds something, and the page does not say it."""
    report = Report("`x`, seed 1", "s3")
    with report.watching("in the end"):
        raise AssertionError("a row too many")
    assert report.rows() == ["| s3 | in the end | 0 | 1 | `x`, seed 1 |"]


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no figures", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for figures"):
        write_into(page, Report(), ORDER)
