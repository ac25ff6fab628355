"""What is typed, and what stands in keys and values, into real processes of `weblogs`: it is data, and what they print is
printable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from tests.policies.test_hostile_input import HOSTILE
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.settings import PROJECT_ROOT

EVIL = "'; DROP TABLE shopware_ops.load_history; --\n2026-01-01 INFO all is well\x1b[2J\x1b]0;owned\x07\u202e"
SPAN = ["--from", "2025-07-20T10", "--to", "2025-07-20T11"]

Weblogs = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def weblogs(warehouse_stack: Endpoints) -> Weblogs:
    """Runs the command as a process of its own."""
    environment = {
        **warehouse_stack.platform_variables(),
        "WEBLOGS_HOME": str(warehouse_stack.home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT_ROOT),
    }

    def run(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "weblogs_platform.cli", *arguments]
        return subprocess.run(
            command, env=environment, input=text, capture_output=True, check=False, timeout=100
        )

    return run


def printable(done: subprocess.CompletedProcess[bytes]) -> str:
    """What it printed, after holding that no line of it was forged and nothing steers a terminal."""
    said = (done.stdout + done.stderr).decode()
    strange = {c for c in said if not c.isprintable()} - {"\n"}
    assert strange == set(), repr(said)
    assert "Traceback" not in said
    assert not any(line.startswith("2026-01-01 INFO all is well") for line in said.splitlines())
    return said


@pytest.mark.parametrize(
    "arguments",
    [
        [EVIL],
        [f"--{EVIL}"],
        ["load", f"--{EVIL}"],
        ["load", "--stream", EVIL, *SPAN],
        ["load", "--stream", "web_logs", "--from", EVIL, "--to", EVIL],
        ["refresh", "--table", EVIL],
        ["refresh", "--from", EVIL, "--to", EVIL],
        ["verify", "--from", EVIL],
        ["sql", EVIL],
        ["quarantine", "list", "--stream", EVIL, *SPAN],
        ["quarantine", "show", "--stream", "web_logs", "--object", EVIL, "--offset", "0"],
        ["quarantine", "show", "--stream", "web_logs", "--object", "../../../etc/passwd", "--offset", "0"],
        ["quarantine", "replay", "--stream", "web_logs", *SPAN, "--repair", EVIL],
        ["quarantine", "replay", "--stream", "web_logs", *SPAN, "--edited", f"/nowhere/{EVIL}"],
        [
            "quarantine",
            "discard",
            "--stream",
            "web_logs",
            *SPAN,
            "--who",
            EVIL,
            "--why",
            EVIL,
            "--reason",
            "x",
        ],
        ["quarantine", "export", "--stream", "web_logs", *SPAN, "--output", f"/nowhere/{EVIL}"],
        ["quarantine", "export", "--stream", "web_logs", *SPAN, "--output", "/"],
        ["logs", EVIL],
        ["traffic", "--from", EVIL],
        ["traffic", "from-access-log", f"/nowhere/{EVIL}"],
    ],
    ids=lambda arguments: " ".join(arguments[:2])[:24],
)
def test_a_hostile_argument_is_refused_in_words(weblogs: Weblogs, hour: Hour, arguments: list[str]) -> None:
    """An argument is run as SQL, opens a file, clears the terminal, forges a line of a log, or ends in a traceback."""
    done = weblogs(*arguments)
    assert done.returncode in (1, 2)
    assert printable(done)
    with hour.warehouse.transaction() as tx:
        tx.fetch_all("SELECT COUNT(*) FROM shopware_ops.load_history")


def test_hostile_keys_and_values_are_printed_as_text(weblogs: Weblogs, hour: Hour) -> None:
    """A producer's key or value steers the terminal of whoever looks at it."""
    names = [text for name, text in HOSTILE.items() if name not in ("ansi", "backslash")]
    for text in names:
        bad = [b"{broken", encoded(web_log(2, user_id=None))]
        good = [encoded(web_log(n, page=EVIL)) for n in range(3, 7)]
        hour.drop(text, b"\n".join([*bad, *good]))
    span = [
        "--from",
        hour.hour.sql[:13].replace(" ", "T"),
        "--to",
        hour.hour.plus(1).sql[:13].replace(" ", "T"),
    ]
    done = weblogs("load", "--stream", "web_logs", *span)
    assert printable(done)
    assert done.returncode == 0
    listed = printable(weblogs("quarantine", "list", "--stream", "web_logs", *span))
    assert len(listed.splitlines()) == 2 * len(names)
    printable(weblogs("quarantine", "stats", "--stream", "web_logs", *span))
    exported = weblogs("quarantine", "export", "--stream", "web_logs", *span)
    assert printable(exported)
    assert len([json.loads(line) for line in exported.stdout.splitlines()]) == 2 * len(names)
    query = f"SELECT DISTINCT page FROM shopware_stream.web_logs_stream WHERE landing_hour = CAST('{hour.hour.sql}' AS TIMESTAMP)"
    assert "DROP TABLE" in printable(weblogs("sql", query))
    assert "object_key" in printable(
        weblogs("sql", "SELECT DISTINCT object_key FROM shopware_ops.load_history")
    )


def test_an_edited_export_with_a_nul_is_refused_in_words(
    weblogs: Weblogs, hour: Hour, tmp_path: Path
) -> None:
    """A file from elsewhere ends in a traceback, or in a path."""
    hour.drop("a", b"{broken")
    hour.run()
    file = tmp_path / "edited.jsonl"
    span = [
        "--from",
        hour.hour.sql[:13].replace(" ", "T"),
        "--to",
        hour.hour.plus(1).sql[:13].replace(" ", "T"),
    ]
    for text in (b"\x00", b'{"object": "a\\u0000", "etag": "x", "offset": 0, "raw": "\\u0000"}', b"\xff\xfe"):
        file.write_bytes(text)
        done = weblogs("quarantine", "replay", "--stream", "web_logs", *span, "--edited", str(file))
        assert done.returncode == 1
        assert "line 1 of the edited export" in printable(done)


def test_help_keeps_its_lines(weblogs: Weblogs) -> None:
    """The help of a group, which click reports as a wrong use, is spelled out as one line."""
    said = printable(weblogs("quarantine"))
    assert "\nCommands:\n" in said
