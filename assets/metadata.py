"""Schema, lineage and numbers in the form that Dagster shows: whole numbers plot over partitions, places are
paths, objects are a table. Values of records are deliberately absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import dagster as dg

from assets.checks import CheckOutcome, Place
from assets.keys import StreamKeys
from weblogs_platform.clients.lake import Lake
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import Field, StreamSpec, Timestamp

MAX_ROWS = 50
"""Objects that a table lists; what is beyond it is counted, and stands in the report."""

_MEMBER_TYPES = {
    "Varchar": "string",
    "Integer": "integer",
    "BigInteger": "integer",
    "Decimal": "decimal number",
    "Double": "number",
}


def record_schema(fields: Iterable[Field]) -> dg.TableSchema:
    """The members of a record, named by their JSONPath, in the order of the table's columns."""
    return dg.TableSchema([_member_column(f) for f in fields])


def table_schema(spec: StreamSpec) -> dg.TableSchema:
    """The stream table: the declared columns, then the lineage column."""
    columns = [
        dg.TableColumn(
            f.column,
            f.type.ddl,
            description=f.description,
            constraints=dg.TableColumnConstraints(nullable=not f.required, other=_rules(f)),
            tags={"personal": ""} if f.personal else {},
        )
        for f in spec.fields
    ]
    hour = dg.TableColumn(
        "landing_hour",
        "TIMESTAMP",
        description="The UTC hour in which the record was delivered, as its object's key says: the partition.",
        constraints=dg.TableColumnConstraints(nullable=False),
    )
    return dg.TableSchema([*columns, hour])


def table_lineage(spec: StreamSpec, keys: StreamKeys) -> dg.TableColumnLineage:
    """Every column comes from one member of the validated records."""
    return dg.TableColumnLineage({f.column: [dg.TableColumnDep(keys.validated, f.path)] for f in spec.fields})


def record_lineage(spec: StreamSpec, keys: StreamKeys) -> dg.TableColumnLineage:
    """Validation moves no value: every member is that of the landed record, stamps aside."""
    return dg.TableColumnLineage(
        {f.path: [dg.TableColumnDep(keys.landing, f.path)] for f in spec.source_fields}
    )


def landing_table(lake: Lake, objects: Iterable[LandingObject]) -> dg.MetadataValue:
    """The newest objects of an hour."""
    newest = sorted(objects, key=lambda o: (o.modified, o.key), reverse=True)[:MAX_ROWS]
    return _table(
        {"bytes": o.size_bytes, "modified": _second(o.modified), "object": lake.url(o.key), "etag": o.etag}
        for o in newest
    )


def report_table(lake: Lake, report: HourReport) -> dg.MetadataValue:
    """The objects of an hour, those with bad records first."""
    worst = sorted(report.files, key=lambda f: (-f.bad, f.source.key))[:MAX_ROWS]
    return _table(_report_row(lake, f) for f in worst)


def paths(lake: Lake, keys: Iterable[str]) -> dg.MetadataValue:
    """S3 URLs, one a row."""
    return _table({"object": lake.url(key)} for key in list(keys)[:MAX_ROWS])


def check_metadata(outcome: CheckOutcome) -> dict[str, dg.MetadataValue]:
    """Numbers to plot, details as JSON, places as a table."""
    numbers = {
        name: dg.MetadataValue.int(n) if isinstance(n, int) else dg.MetadataValue.float(n)
        for name, n in outcome.numbers.items()
    }
    details = {name: dg.MetadataValue.json(value) for name, value in outcome.details.items() if value}
    places = {"places": _places_table(outcome.places)} if outcome.places else {}
    return {**numbers, **details, **places}


def counted(prefix: str, counts: Mapping[str, int]) -> dict[str, dg.MetadataValue]:
    """One number for each name, so that each plots: `quarantined: null_required:user_id`."""
    return {f"{prefix}: {name}": dg.MetadataValue.int(count) for name, count in counts.items()}


def _report_row(lake: Lake, f: FileReport) -> dict[str, str | int]:
    # Numbers first: Dagster's page is narrower than the addresses, and cuts what is on the right.
    return {
        "records": f.records,
        "good": f.good,
        "quarantined": f.bad,
        "conformed": f.conformed,
        "object": lake.url(f.source.key),
        "invalid": lake.url(f.invalid_key) if f.invalid_key else "",
        "load": lake.url(f.load_key) if f.load_key else "",
    }


def _second(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _places_table(places: Iterable[Place]) -> dg.MetadataValue:
    return _table({"offset": p.offset, "reasons": ", ".join(p.reasons), "object": p.key} for p in places)


def _table(rows: Iterable[Mapping[str, str | int]]) -> dg.MetadataValue:
    records = [dg.TableRecord(dict(row)) for row in rows]
    if not records:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table(records)


def _member_column(f: Field) -> dg.TableColumn:
    json_type = _MEMBER_TYPES.get(type(f.type).__name__)
    if isinstance(f.type, Timestamp):
        json_type = "string (ISO 8601, UTC)" if f.type.source == "iso" else "number (seconds since 1970)"
    return dg.TableColumn(
        f.path,
        json_type or "any",
        description=f.description,
        constraints=dg.TableColumnConstraints(nullable=not f.required, other=_rules(f)),
    )


def _rules(f: Field) -> list[str]:
    rules = [f"at least {f.minimum}"] if f.minimum is not None else []
    rules += [f"at most {f.maximum}"] if f.maximum is not None else []
    rules += [f"at most {f.max_ahead_hours} h after the delivery"] if f.max_ahead_hours is not None else []
    return rules + ([f"default {f.default_sql}"] if f.default_sql else [])
