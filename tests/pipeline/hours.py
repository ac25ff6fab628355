"""One hour of one stream, taken through the real lake and the real warehouse step by step."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests import calendar_shares
from tests.pipeline.records import Content, Quarantined, Row, record
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.load import LoadOutcome, load_hour
from weblogs_platform.pipeline.manifest import prepare_hour
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.pipeline.validate_object import read_quarantine
from weblogs_platform.streams import FIREHOSE_STREAMS

each_stream = pytest.mark.parametrize(
    "hour", FIREHOSE_STREAMS, ids=[spec.name for spec in FIREHOSE_STREAMS], indirect=True
)
"""Runs a test once for every stream that Firehose delivers."""
NEW_HOURS = calendar_shares.PIPELINE.starts()


@dataclass(frozen=True)
class Roles:
    """S3 clients of those who are not the platform."""

    bucket: str
    delivery: Any
    admin: Any
    copy: Any


@dataclass(frozen=True)
class Hour:
    """A landing hour that no other test uses."""

    roles: Roles
    lake: Lake
    warehouse: Warehouse
    spec: StreamSpec
    hour: LandingHour

    def drop(self, name: str, body: bytes) -> str:
        """Delivers an object as Firehose would, with the delivery role; its key."""
        key = self.spec.landing_hour_prefix(self.hour) + name
        self.roles.delivery.put_object(Bucket=self.roles.bucket, Key=key, Body=body)
        return key

    def drop_records(self, name: str, *numbers: int) -> str:
        """Delivers sound records of those numbers, concatenated."""
        content = Content(self.spec)
        for n in numbers:
            content.good(record(self.spec, n))
        return self.drop(name, content.stored)

    def remove(self, key: str) -> None:
        """Lets an object expire, as the bucket's owner."""
        self.roles.admin.delete_object(Bucket=self.roles.bucket, Key=key)

    def listed(self) -> tuple[LandingObject, ...]:
        return list_hour(self.lake, self.spec, self.hour)

    def validate(self) -> HourReport:
        return validate_hour(self.lake, self.spec, self.hour)

    def load(self, run_id: str = "test") -> LoadOutcome:
        return load_hour(self.lake, self.warehouse, self.spec, self.hour, run_id=run_id)

    def run(self) -> tuple[HourReport, LoadOutcome]:
        """The whole way: list, validate, plan and write manifests, load."""
        report = self.validate()
        prepared = prepare_hour(self.lake, self.warehouse, self.spec, self.hour)
        outcome = self.load()
        assert prepared.plan.action == outcome.action
        assert tuple(m.key for m in prepared.manifests) == outcome.manifest_keys
        return report, outcome

    def rows(self) -> list[Row]:
        """The hour's rows in the stream table, declared columns, in a fixed order."""
        columns = ", ".join(f.column for f in self.spec.fields)
        sql = f"SELECT {columns} FROM {self.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP)"
        with self.warehouse.transaction() as tx:
            return in_order(tx.fetch_all(sql, (self.hour.sql,)))

    def ledger(self) -> list[tuple[Any, ...]]:
        """Every line of the ledger for the hour, superseded ones too: key, loaded, quarantined, superseded."""
        sql = (
            "SELECT object_key, loaded, quarantined, superseded_at IS NOT NULL FROM shopware_ops.load_history "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP)"
        )
        with self.warehouse.transaction() as tx:
            return in_order(tx.fetch_all(sql, (self.spec.name, self.hour.sql)))

    def quarantine(self, file: FileReport) -> list[dict[str, Any]]:
        """The entries of one object's quarantine."""
        return [] if file.invalid_key is None else list(read_quarantine(self.lake.get(file.invalid_key)))

    def quarantined(self, file: FileReport) -> list[Quarantined]:
        """The same, as a test states them."""
        return [
            Quarantined(entry["offset"], self._raw(entry), tuple(entry["reasons"]))
            for entry in self.quarantine(file)
        ]

    def _raw(self, entry: dict[str, Any]) -> bytes:
        if "raw" in entry:
            assert len(entry["raw"]) == entry["length"]
            return entry["raw"]
        source = self.lake.get(entry["raw_object"])
        if entry["length"] == len(source):
            return source
        content = gzip.decompress(source) if source.startswith(b"\x1f\x8b") else source
        return content[entry["offset"] : entry["offset"] + entry["length"]]

    def derived_objects(self) -> dict[str, tuple[str, bytes]]:
        """Everything that the platform wrote for the hour: ETag and content by key."""
        zones = ("validated", "invalid", "reports", "manifests")
        prefixes = [f"{zone}/{self.spec.name}/{self.hour.path}/" for zone in zones]
        objects = [o for prefix in prefixes for o in self.lake.list_prefix(prefix)]
        return {o.key: (o.etag, self.lake.get(o.key)) for o in objects}

    def of(self, spec: StreamSpec) -> Hour:
        return replace(self, spec=spec)


def in_order(rows: list[tuple[Any, ...]]) -> list[Row]:
    return sorted(rows, key=repr)


def assert_arrives(hour: Hour, **objects: Content) -> dict[str, FileReport]:
    """Drops the objects between two sound siblings, takes the hour all the way, and holds that every object came
    to exactly what its content says, and the siblings too. All differences are told, by object."""
    every = {"!first": _sibling(hour.spec, 900), **objects, "~last": _sibling(hour.spec, 950)}
    names = {hour.drop(name, content.stored): name for name, content in every.items()}
    report, outcome = hour.run()
    files = {names[f.source.key]: f for f in report.files}
    assert files.keys() == every.keys()
    problems = [p for name, content in every.items() for p in _differences(hour, name, files[name], content)]
    problems += _row_differences(hour.rows(), [row for content in every.values() for row in content.rows])
    assert not problems, "\n" + "\n".join(problems)
    _assert_booked(hour, outcome, every, names)
    return files


def _sibling(spec: StreamSpec, first: int) -> Content:
    content = Content(spec)
    for n in range(first, first + 3):
        content.good(record(spec, n)).between(b"\n")
    return content


def _differences(hour: Hour, name: str, file: FileReport, content: Content) -> Iterator[str]:
    found = hour.quarantined(file)
    if found != content.quarantined:
        yield f"{name}: quarantined {found}\n{' ' * len(name)}  expected    {content.quarantined}"
    if any((e["object"], e["etag"]) != file.source.identity for e in hour.quarantine(file)):
        yield f"{name}: its quarantine names another object"
    counts = (file.records, file.good, file.bad)
    good, bad = len(content.rows), len(content.quarantined)
    if counts != (good + bad, good, bad):
        yield f"{name}: {counts} records, good and bad; expected {(good + bad, good, bad)}"
    if dict(file.reasons) != content.reasons:
        yield f"{name}: reported {dict(file.reasons)}, expected {content.reasons}"


def _row_differences(found: list[Row], expected: list[Row]) -> list[str]:
    there, wanted = Counter(map(repr, found)), Counter(map(repr, expected))
    missing = [f"not in the table: {row}" for row in (wanted - there).elements()]
    return missing + [f"unexpected in the table: {row}" for row in (there - wanted).elements()]


def _assert_booked(
    hour: Hour, outcome: LoadOutcome, every: Mapping[str, Content], names: Mapping[str, str]
) -> None:
    lines = [(key, len(every[n].rows), len(every[n].quarantined), False) for key, n in names.items()]
    assert hour.ledger() == in_order(lines)
    assert outcome.rows_loaded == outcome.table_rows == sum(line[1] for line in lines)
