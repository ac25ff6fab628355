"""Names and documents come back as they were written: partitions, keys, reports, manifests, jsonpaths."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.core.errors import InvalidDocument, InvalidName
from weblogs_platform.core.jsonpaths import jsonpaths_for, verify_jsonpaths
from weblogs_platform.core.keys import DerivedKey, LandingObject, Zone, hour_report_key
from weblogs_platform.core.manifest import manifests_for, urls_in
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.report import FileReport, HourReport, Sample
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.streams import STREAMS, WEB_LOGS, stream_named

HOURS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001 - Hypothesis wants them naive
    lambda moment: LandingHour.containing(moment.replace(tzinfo=UTC))
)
COUNTS = st.integers(0, 10**9)
NAMES = st.dictionaries(st.text(min_size=1, max_size=8), COUNTS, max_size=3)
OBJECTS = st.builds(
    LandingObject, key=st.text(min_size=1), etag=st.text(), size_bytes=COUNTS,
    modified=st.datetimes(timezones=st.just(UTC)),
)  # fmt: skip
SAMPLES = st.lists(
    st.builds(Sample, COUNTS, st.lists(st.text(max_size=9), max_size=3).map(tuple)), max_size=3
)
FILES = st.builds(
    FileReport, source=OBJECTS, rules=st.text(max_size=12), compression=st.sampled_from(["plain", "gzip"]),
    load_key=st.none() | st.text(min_size=1), load_bytes=COUNTS, invalid_key=st.none() | st.text(), records=COUNTS,
    good=COUNTS, bad=COUNTS, conformed=COUNTS, data_bytes=COUNTS, reasons=NAMES, null_fields=NAMES, truncated=NAMES,
    present=NAMES, samples=SAMPLES.map(tuple),
)  # fmt: skip
REPORTS = st.builds(
    HourReport, stream=st.sampled_from([s.name for s in STREAMS]), hour=HOURS, rules=st.text(max_size=12),
    files=st.lists(FILES, max_size=3).map(tuple), duplicates=COUNTS,
)  # fmt: skip


@given(HOURS)
def test_hours_come_back(hour: LandingHour) -> None:
    """A partition key, a path or an argument names another hour."""
    assert LandingHour.from_partition_key(hour.partition_key) == hour
    assert LandingHour.from_path(hour.path) == hour
    for text in (
        hour.sql,
        hour.sql[:13],
        hour.start.strftime("%Y-%m-%dT%H"),
        hour.start.strftime("%Y-%m-%dT%H:00Z"),
    ):
        assert LandingHour.from_argument(text) == hour


@pytest.mark.parametrize(
    "text",
    ["2025-07-20-10:30", "2025-07-20-10", "2025-7-20-10:00", "2025-02-30-10:00", "2025-07-20-24:00", "", " 2025-07-20-10:00",
     "2025-07-20-10:00\n", "２025-07-20-10:00", "2025-07-20T10"],
)  # fmt: skip
def test_other_partition_keys_are_refused(text: str) -> None:
    """A key that is nearly right is taken for the hour it looks like."""
    with pytest.raises(InvalidName, match="partition key such as"):
        LandingHour.from_partition_key(text)


@pytest.mark.parametrize(
    "text", ["2025-07-20T10:30", "2025-07", "yesterday", "2025-07-20T25", "2025-07-20T10+02"]
)
def test_other_arguments_are_refused(text: str) -> None:
    """Minutes are dropped, or a zone is ignored."""
    with pytest.raises(InvalidName, match="in UTC"):
        LandingHour.from_argument(text)


def test_hours_are_whole_and_utc() -> None:
    """An hour of another zone files objects under the wrong partition."""
    for start in (
        datetime(2025, 7, 20, 10, 30, tzinfo=UTC),
        datetime(2025, 7, 20, 10, tzinfo=timezone(timedelta(0), "x")),
    ):
        with pytest.raises(InvalidName):
            LandingHour(start)
    moment = datetime(2025, 7, 20, 1, 59, tzinfo=timezone(timedelta(hours=2)))
    assert LandingHour.containing(moment).path == "2025/07/19/23"


def test_hours_until_leave_out_the_end() -> None:
    """A range loads one hour too many."""
    first = LandingHour.from_argument("2025-07-20T23")
    assert [h.path for h in first.until(first.plus(2))] == ["2025/07/20/23", "2025/07/21/00"]
    assert list(first.until(first)) == []


@given(st.sampled_from(Zone), HOURS, OBJECTS, st.sampled_from(["json", "jsonl", "raw", "v1_2.fingerprints"]))
def test_derived_keys_come_back(zone: Zone, hour: LandingHour, source: LandingObject, suffix: str) -> None:
    """An object's name breaks the name of what is made from it (quotes, spaces, slashes, dots, any script)."""
    key = DerivedKey.of_source(zone, "web_logs", hour, source, "rules", suffix)
    assert DerivedKey.parse(str(key)) == key
    assert str(key).isascii()


def test_derived_keys_differ_by_what_they_are_made_from() -> None:
    """A rewritten source, or other rules, overwrite what an older manifest lists."""
    hour = LandingHour.from_argument("2025-07-20T10")
    sources = [LandingObject(k, e, 1, hour.start) for k in ("a/x", "b/x", "b/x.gz") for e in ("1", "2")]
    made = {
        str(DerivedKey.of_source(Zone.INVALID, "s", hour, o, r, "json")) for o in sources for r in ("r", "q")
    }
    assert len(made) == 12


@pytest.mark.parametrize(
    "key",
    ["validated/web_logs/2025/07/20/10/a-0123456789abcdef0123", "landing/web_logs/2025/07/20/10/a-0123456789abcdef0123.json",
     "validated/web_logs/2025/07/20/10/../a-0123456789abcdef0123.json", "validated/web_logs/2025/07/20/25/a-0123456789abcdef0123.json",
     hour_report_key("web_logs", LandingHour.from_argument("2025-07-20T10"), "r"), ""],
)  # fmt: skip
def test_foreign_keys_are_not_ours(key: str) -> None:
    """A key that somebody else wrote is taken apart as one of ours."""
    with pytest.raises(InvalidName):
        DerivedKey.parse(key)


@given(OBJECTS)
def test_landing_objects_come_back(source: LandingObject) -> None:
    """A time loses its zone or its microseconds."""
    assert LandingObject.from_json(json.loads(json.dumps(source.to_json()))) == source


@given(REPORTS)
def test_reports_come_back(report: HourReport) -> None:
    """A report read again is another one, and the next step sees other counts."""
    assert HourReport.from_bytes(report.to_bytes()) == report
    assert HourReport.from_bytes(report.to_bytes()).to_bytes() == report.to_bytes()
    assert report.records == sum(f.records for f in report.files)
    assert sum(report.reasons.values()) == sum(sum(f.reasons.values()) for f in report.files)


HEAD = b'{"stream": "s", "hour": "2025-07-20-10:00", "rules": "r", "duplicates": 0, "files": '
NO_REPORTS = [b"", b"{}", b"[]", b"null", b'{"stream": 1}', b"\xff", HEAD + b"[{}]}", HEAD + b"[1]}", HEAD]


@pytest.mark.parametrize("body", [*NO_REPORTS, (HEAD + b"[]}").replace(b"10:00", b"10:30")])
def test_what_is_no_report_is_refused(body: bytes) -> None:
    """A damaged report ends in an error that names nothing, or in no rows."""
    with pytest.raises(InvalidDocument, match="not a validation report"):
        HourReport.from_bytes(body)


@given(st.lists(FILES, max_size=5))
def test_manifests_list_each_loadable_object_once(files: list[FileReport]) -> None:
    """An object is listed twice, under the wrong compression, or not at all."""
    made = manifests_for("bucket", files)
    expected = [f for f in files if f.load_key is not None]
    listed = [url for manifest in made for url in urls_in(manifest.to_bytes())]
    assert sorted(listed) == sorted(f"s3://bucket/{f.load_key}" for f in expected)
    assert sum(m.rows for m in made) == sum(f.good for f in expected)
    assert len({m.compression for m in made}) == len(made)
    for manifest in made:
        entries = json.loads(manifest.to_bytes())["entries"]
        assert all(entry["mandatory"] is True for entry in entries)
        assert [entry["meta"]["content_length"] for entry in entries] == [
            e.size_bytes for e in manifest.entries
        ]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"entries": [1]}', b'{"entries": [{}]}', b"\xff"])
def test_what_is_no_manifest_is_refused(body: bytes) -> None:
    """A damaged manifest reads as an empty one."""
    with pytest.raises(InvalidDocument):
        urls_in(body)


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_jsonpaths_are_those_of_the_spec(spec: StreamSpec) -> None:
    """COPY puts each value into its neighbour's column, or silently takes 'auto' for a misspelled file."""
    paths = jsonpaths_for(spec)
    verify_jsonpaths(spec, json.dumps({"jsonpaths": paths}).encode())
    wrong: list[Any] = [
        {"jsonpaths": paths[::-1]}, {"jsonpaths": paths[:-1]}, {"jsonpaths": [*paths, "$.x"]}, {"jsonpaths": None},
        {"jsonPaths": paths}, {"jsonpaths": paths, "x": 1}, paths, None, 1,
    ]  # fmt: skip
    for document in wrong:
        with pytest.raises(InvalidDocument, match=f"jsonpaths of {spec.name}"):
            verify_jsonpaths(spec, json.dumps(document).encode())
    with pytest.raises(InvalidDocument, match="not JSON"):
        verify_jsonpaths(spec, b"{")
    with pytest.raises(InvalidDocument, match="not JSON"):
        verify_jsonpaths(spec, b"\xff")


def test_unknown_stream_names_those_there_are() -> None:
    """A misspelled stream is a KeyError."""
    assert stream_named("web_logs") is WEB_LOGS
    with pytest.raises(InvalidName, match="there are: web_logs, customer_interactions"):
        stream_named("weblogs")
