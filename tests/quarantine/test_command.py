"""`weblogs quarantine` as a person types it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from tests.quarantine.accounts import account
from weblogs_platform.cli import weblogs
from weblogs_platform.local.endpoints import Endpoints

PLANTED = "planted-visitor"

Command = Callable[..., Result]


@pytest.fixture
def bad_hour(hour: Hour) -> Hour:
    """A sound record, and two without a required field, of whom one is a person's."""
    bad = [web_log(2, user_id=..., userId=PLANTED), web_log(3, session_id=None, user_id=PLANTED)]
    hour.drop("a", b"\n".join(map(encoded, [web_log(1), *bad])))
    hour.run()
    return hour


@pytest.fixture
def command(bad_hour: Hour, warehouse_stack: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a sub-command over the hour."""
    for name, value in warehouse_stack.platform_variables().items():
        monkeypatch.setenv(name, value)
    span = ["--from", bad_hour.hour.sql[:13], "--to", bad_hour.hour.plus(1).sql[:13]]

    def run(name: str, *arguments: str) -> Result:
        scope = ["--stream", "web_logs", *([] if name == "show" else span)]
        return CliRunner().invoke(weblogs, ["quarantine", name, *scope, *arguments])

    return run


def key_of(hour: Hour) -> str:
    return account(hour).open[0].key


def test_what_is_in_quarantine_is_told_without_values(command: Command, bad_hour: Hour) -> None:
    """Personal data of bad records is in every terminal's history."""
    listed = command("list")
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["null_required:user_id", "null_required:session_id"]
    assert "--limit is 1" in command("list", "--limit", "1").output
    assert len(command("list", "--reason", "null_required:user_id").stdout.splitlines()) == 1
    told = command("stats")
    assert "1 null_required:session_id" in told.stdout
    offset = str(account(bad_hour).open[0].offset)
    shown = command("show", "--object", key_of(bad_hour), "--offset", offset)
    assert "null_required:user_id" in shown.stdout
    exported = command("export")
    assert [json.loads(line)["reasons"] for line in exported.stdout.splitlines()] == [
        ["null_required:user_id"],
        ["null_required:session_id"],
    ]
    for result in (listed, told, shown, exported):
        assert PLANTED not in result.output
    raw = command("show", "--object", key_of(bad_hour), "--offset", offset, "--raw")
    assert json.loads(raw.stdout.splitlines()[-1])["payload"]["userId"] == PLANTED


def test_an_export_is_edited_and_given_back(command: Command, bad_hour: Hour, tmp_path: Path) -> None:
    """What is exported cannot be given back as it is, or others can read it."""
    file = tmp_path / "bad.jsonl"
    file.touch(0o644)
    assert command("export", "--raw", "--output", str(file)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text(file.read_text().replace("userId", "user_id"))
    arguments = ("--edited", str(file), "--who", "the data team")
    dry = command("replay", *arguments, "--dry-run")
    assert "1 records would be replayed, 1 are still bad" in dry.output
    assert account(bad_hour).replayed == 0
    done = command("replay", *arguments)
    assert done.exit_code == 1
    assert "1 records replayed, 1 are still bad, 0 were done" in done.output
    assert "1 null_required:session_id" in done.output
    assert PLANTED not in done.output
    assert (account(bad_hour).replayed, len(account(bad_hour).open)) == (1, 1)
    which = json.loads(file.read_text().splitlines()[0])
    shown = command("show", "--object", which["object"], "--offset", str(which["offset"]))
    assert "state         replayed" in shown.output


def test_a_repair_and_a_discard_empty_the_quarantine(command: Command, bad_hour: Hour) -> None:
    repaired = command("replay", "--repair", "user_id_spelling", "--reason", "null_required:user_id")
    assert repaired.exit_code == 0, repaired.output
    offset = str(account(bad_hour).open[0].offset)
    which = ("--object", key_of(bad_hour), "--offset", offset)
    assert command("discard", *which, "--why", "no session").exit_code == 2
    assert command("discard", *which, "--why", "no session", "--who", "me", "--dry-run").exit_code == 0
    gone = command("discard", *which, "--why", "no session", "--who", "me")
    assert (gone.exit_code, gone.output) == (0, "1 records discarded\n")
    found = account(bad_hour)
    assert (found.replayed, found.discarded, found.open) == (1, 1, ())
    assert "nothing is in quarantine there" in command("list").output
    assert "no open record there" in command("discard", *which, "--why", "x", "--who", "me").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["replay", "--repair", "no such"], "no repair 'no such' for web_logs; there are: anonymous_visitor"),
        (["replay", "--repair", "x", "--edited", "pyproject.toml"], "give --repair or --edited, not both"),
        (["replay", "--edited", "pyproject.toml"], "line 1 of the edited export is not JSON"),
        (["discard", "--who", "a\nb", "--why", "c"], "who is one line of text"),
        (["discard", "--who", "a", "--why", "c", "--offset", "1"], "--offset needs --object"),
        (["show", "--object", "../etc/passwd", "--offset", "1"], "is not an object of web_logs"),
        (["list", "--from", "2022-01-02", "--to", "2022-01-01"], "is not after"),
    ],
)
def test_what_makes_no_sense_is_refused(command: Command, arguments: list[str], says: str) -> None:
    name, *rest = arguments
    result = command(name, *rest)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output


def test_the_repairs_are_listed() -> None:
    result = CliRunner().invoke(weblogs, ["quarantine", "repairs"])
    assert "user_id_spelling@1  (web_logs)" in result.output
