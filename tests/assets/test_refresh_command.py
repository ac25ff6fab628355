"""`weblogs refresh` as a person types it: without a stack, and over the embedded one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner

from weblogs_platform.commands.load import load
from weblogs_platform.commands.refresh import refresh

QUERY = "SELECT COUNT(*) FROM shopware_kpis.web_session WHERE session_id LIKE %s"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "2025-07-20"], "give both --from and --to"),
        (["--from", "today", "--to", "2025-07-20"], "'today' is not a day such as"),
        (["--from", "2025-07-20", "--to", "2025-07-20"], "is not after"),
        (["--from", "2025-07-20", "--to", "2999-01-01"], "is the last"),
        (["--from", "1999-01-01", "--to", "2025-07-20"], "partitions begin on 2015-05-01"),
        (["--table", "nothing"], "no derived table 'nothing'; there are: pos_daily"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_with_status_2(arguments, says):
    """Nothing is run, and the sentence says what would do."""
    result = CliRunner().invoke(refresh, arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_without_a_stack_it_fails_in_a_line_that_says_what_to_start(tmp_path, monkeypatch):
    """A traceback of the driver, or success over nothing."""
    monkeypatch.setenv("WEBLOGS_HOME", str(tmp_path))
    result = CliRunner().invoke(
        refresh, ["--from", "2025-07-20", "--to", "2025-07-21", "--table", "web_session"]
    )
    assert result.exit_code == 1
    assert "web_session failed: " in result.output
    assert "weblogs up" in result.output


def test_what_a_load_made_stale_is_refreshed_once(platform, make_record, monkeypatch):
    """Rows are loaded, and the KPIs wait for a daemon that is not there."""
    for name, value in platform.variables.items():
        monkeypatch.setenv(name, value)
    CliRunner().invoke(refresh, [])  # what other tests left stale, whatever its checks say
    hour = platform.fresh_hour()
    sessions = [
        make_record(session_id=f"{hour.path} {n}", timestamp=hour.start.timestamp()) for n in range(3)
    ]
    platform.deliver(hour, "a", sessions)
    day, next_day = hour.start, hour.start + timedelta(days=1)
    assert (
        CliRunner()
        .invoke(load, ["--stream", "web_logs", "--from", f"{day:%Y-%m-%d}", "--to", f"{day:%Y-%m-%d}T01"])
        .exit_code
        == 0
    )

    def rows() -> int:
        with platform.warehouse.transaction() as tx:
            return int(tx.fetch_all(QUERY, (f"{hour.path}%",))[0][0])

    assert rows() == 0
    first = CliRunner().invoke(refresh, [])
    assert first.exit_code == 0, first.output
    assert rows() == 3
    again = CliRunner().invoke(refresh, [])
    assert [
        line.split()[1] for line in again.output.splitlines() if line.strip().startswith("web_session ")
    ] == ["0"]
    days = CliRunner().invoke(refresh, ["--from", f"{day:%Y-%m-%d}", "--to", f"{next_day:%Y-%m-%d}"])
    assert (days.exit_code, rows()) == (0, 3), days.output
