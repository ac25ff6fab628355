"""`weblogs load` as a person types it, without a stack."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from assets.in_process import LoadedHours
from weblogs_platform.commands.load import load, summary
from weblogs_platform.streams import WEB_LOGS


def run(*arguments: str):
    return CliRunner().invoke(load, arguments)


@pytest.mark.parametrize(
    ("stream", "first", "end", "says"),
    [
        ("nobody", "2025-07-20T10", "2025-07-20T12", "web_logs, customer_interactions, pos, inventory, all"),
        ("web_logs", "yesterday", "2025-07-20T12", "'yesterday' is not an hour such as"),
        ("web_logs", "2025-07-20T10", "2025-07-20T10", "is not after"),
        ("web_logs", "2025-07-20T10", "2999-01-01", "is the last"),
        ("web_logs", "1999-01-01", "2025-07-20T10", "begins at"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_with_status_2(stream, first, end, says):
    """Nothing is run, and the sentence says what would do."""
    result = run("--stream", stream, "--from", first, "--to", end)
    assert result.exit_code == 2
    assert says in result.output


def test_without_a_stack_it_fails_in_a_line_that_says_what_to_start(tmp_path, monkeypatch):
    """Status 1, no traceback, and the hours that were not loaded are named."""
    monkeypatch.setenv("WEBLOGS_HOME", str(tmp_path))
    result = run("--stream", "web_logs", "--from", "2025-07-20T10", "--to", "2025-07-20T12")
    assert result.exit_code == 1
    [line] = [line for line in result.output.splitlines() if "failed" in line]
    assert "2025-07-20-10:00, 2025-07-20-11:00" in line
    assert "weblogs up" in line


def test_the_summary_says_what_was_quarantined_and_why():
    """What a person has to look at must not need the UI."""
    loaded = LoadedHours(WEB_LOGS, hours=2)
    loaded.counts.update(files=3, records=100, loaded=97, quarantined=3, duplicates=1)
    loaded.reasons.update({"null_required:user_id": 2, "malformed_json": 1})
    table = summary([loaded])
    cells = [str(next(iter(column.cells))) for column in table.columns]
    assert cells == [
        "web_logs",
        "2",
        "3",
        "100",
        "97",
        "0",
        "1",
        "3\n2 null_required:user_id\n1 malformed_json",
    ]
