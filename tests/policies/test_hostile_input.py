"""Keys and values that try to break out of SQL, JSON, paths, HTML and log lines: they are data, and stay data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets.automation.survey import list_landing
from assets.checks import evaluate_table
from tests.pipeline.hours import Hour, in_order
from tests.pipeline.records import encoded, row_of, web_log
from weblogs_platform.core.errors import InvalidName, Terminal, one_line
from weblogs_platform.core.keys import DerivedKey
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.pipeline.ledger import loaded_hour
from weblogs_platform.streams import WEB_LOGS, stream_named

HOSTILE = {
    "quotes": "a'); DROP TABLE shopware_ops.load_history; --",
    "backslash": "a\\'; SELECT 1; --\\",
    "doubled": "it''s \"quoted\" `x`",
    "json": 'a", "mandatory": false, "url": "s3:other/b',
    "html": "<script>alert(1)</script>&amp;<img src=x onerror=alert(1)>",
    "format": "%s %(x)s {0} {hour} ${HOME} :first",
    "path": "..%2f..%2fetc%2fpasswd",
    "ansi": "a\x1b[2Jb",
    "line": "a\n2026-01-01 00:00:00 - INFO - all is well",
    "unicode": "\u202egnp.exe\u2028x ü 🛒",
}

each_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
_NO_KEYS = ("ansi", "backslash")
"""XML cannot carry an escape character, and the embedded S3 takes a backslash for a slash."""

each_key = pytest.mark.parametrize(
    "text", [pytest.param(t, id=n) for n, t in HOSTILE.items() if n not in _NO_KEYS]
)


@each_key
def test_a_hostile_key_loads_once_and_stands_in_the_ledger_as_it_is(hour: Hour, text: str) -> None:
    """A key ends a literal of SQL, an entry of a manifest, or the hour's load."""
    key = hour.drop(text, encoded(web_log(1)) + b"\n{broken\n" + encoded(web_log(2, user_id=None)))
    report, outcome = hour.run()
    assert [line.key for line in loaded_hour(hour.warehouse, hour.spec, hour.hour)] == [key]
    assert hour.run()[1].action == "nothing"
    for verdict in evaluate_table(hour.spec, report, outcome.ledger, outcome.table_rows):
        assert verdict.passed
        assert verdict.summary.isprintable()
    for derived in hour.derived_objects():
        if not derived.endswith(f"hour.{hour.spec.rules_digest}.json"):
            assert str(DerivedKey.parse(derived)) == derived


@each_key
def test_a_rewritten_hostile_key_is_noted_and_named_in_one_line(hour: Hour, text: str) -> None:
    """The note about a version ends a literal, or its alarm forges a line."""
    hour = hour.of(replace(hour.spec, on_rewritten="alert"))
    key = hour.drop(text, encoded(web_log(1)))
    hour.run()
    hour.drop(text, encoded(web_log(2)))
    report, outcome = hour.run()
    assert [line.key for line in outcome.ledger if line.noted_etag] == [key]
    verdict = evaluate_table(hour.spec, report, outcome.ledger, outcome.table_rows)[-1]
    assert not verdict.passed
    assert verdict.summary.isprintable()


def test_hostile_values_become_rows_as_they_are(hour: Hour) -> None:
    """A value is cut, decoded, or taken for SQL."""
    records = [
        web_log(n, page=text, user_id=text, browser=text) for n, text in enumerate(HOSTILE.values(), start=1)
    ]
    hour.drop("a", b"\n".join(encoded(r) for r in records))
    hour.run()
    assert hour.rows() == in_order([row_of(WEB_LOGS, encoded(r)) for r in records])


@each_text
def test_an_error_about_a_hostile_key_is_one_line(hour: Hour, text: str) -> None:
    """A key with a line end forges a line of the log, one with an escape steers the terminal."""
    with pytest.raises(Terminal) as missing:
        hour.lake.get(f"landing/{text}")
    assert str(missing.value).isprintable()


def test_a_stray_hostile_key_is_noted_in_one_line(hour: Hour) -> None:
    """The sensor's note about what it leaves alone forges a line."""
    key = f"{WEB_LOGS.landing_day_prefix(hour.hour.start.date())}x/{HOSTILE['line']}"
    hour.roles.delivery.put_object(Bucket=hour.roles.bucket, Key=key, Body=b"{}")
    listing = list_landing(hour.lake, WEB_LOGS, [hour.hour.start.date()], hour.hour.start)
    hour.remove(key)
    assert len(listing.notes) == 1
    assert listing.notes[0].isprintable()


@each_text
def test_names_from_outside_are_refused_in_one_line(text: str) -> None:
    """A partition key, an argument or a stream's name reaches SQL or a path unread."""
    for parse in (LandingHour.from_partition_key, LandingHour.from_argument, stream_named, DerivedKey.parse):
        with pytest.raises(InvalidName) as refused:
            parse(text)
        assert str(refused.value).isprintable()


@each_text
def test_one_line_is_one_and_loses_nothing(text: str) -> None:
    """Escaping hides which key it was."""
    shown = one_line(text)
    assert shown.isprintable()
    characters = iter(shown)
    assert all(c in characters for c in text if c.isprintable())
