"""Declarations that contradict themselves are refused; statements quote whatever they are given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from weblogs_platform.core.errors import InvalidSpec
from weblogs_platform.core.spec import Field, Integer, Varchar
from weblogs_platform.core.statements import (
    LEDGER_COLUMNS,
    Copy,
    CountHour,
    CreateStaging,
    DeleteHour,
    InsertFromStaging,
    LoadedBetween,
    RecordLoads,
    SupersedeHour,
    flattened,
    quoted,
)
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, STREAMS, WEB_LOGS

NAME = Field(column="a", type=Varchar(5), path="$.payload.a", description="A.", required=True)
COPY: dict[str, Any] = {
    "spec": WEB_LOGS,
    "manifest_url": "s3://b/m.json",
    "jsonpaths_url": "s3://b/j.json",
    "role_arn": "arn:aws:iam::000000000000:role/copy",
    "region": "eu-west-1",
}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Web-Logs"}, "not a lower-case identifier"),
        ({"schema": "a; DROP TABLE b"}, "not a lower-case identifier"),
        ({"table": "t" * 64}, "not a lower-case identifier"),
        ({"landing_prefix": "/firehose"}, "must not begin or end with a slash"),
        ({"landing_prefix": ""}, "must not begin or end with a slash"),
        ({"invalid_share_threshold": 0.0}, "a share in"),
        ({"invalid_share_threshold": float("nan")}, "a share in"),
        ({"flat_names": {"a": "timestamp", "b": "timestamp"}}, "two members one name"),
        ({"fields": ()}, "columns must be there and unique"),
        ({"fields": (NAME, NAME)}, "columns must be there and unique"),
        ({"fields": (replace(NAME, required=False),)}, "at least one field must be required"),
        ({"fields": (replace(NAME, column='a"'),)}, "not a lower-case identifier"),
        ({"fields": (replace(NAME, path="$.other.a"),)}, "neither"),
        ({"fields": (replace(NAME, path="$.payload.a.b"),)}, "neither"),
        ({"fields": (replace(NAME, path="$.payload['a']"),)}, "neither"),
        ({"fields": (replace(NAME, path="payload.a"),)}, "neither"),
        ({"fields": (replace(NAME, default_sql="1"),)}, "cannot be required and have a default"),
    ],
)
def test_contradictory_spec_is_refused(changes: dict[str, Any], problem: str) -> None:
    """A wrong declaration fails in the middle of a load, or makes its way into SQL."""
    with pytest.raises(InvalidSpec, match=problem):
        replace(WEB_LOGS, **changes)


def test_all_problems_are_named_together() -> None:
    """One problem at a time."""
    with pytest.raises(InvalidSpec, match=r"'X'.*slash.*share"):
        replace(WEB_LOGS, name="X", landing_prefix="/", invalid_share_threshold=2.0)


def test_rules_change_with_what_judges_and_with_nothing_else() -> None:
    """Reports of older rules are used again, or a better description validates everything anew."""
    described = tuple(
        replace(f, description="Other words.", personal=not f.personal) for f in WEB_LOGS.fields
    )
    assert replace(WEB_LOGS, fields=described, freshness_hours=9).rules_digest == WEB_LOGS.rules_digest
    fewer = tuple(replace(f, required=f.required and f.column != "user_id") for f in WEB_LOGS.fields)
    wider = tuple(
        replace(f, type=Varchar(256)) if isinstance(f.type, Varchar) else f for f in WEB_LOGS.fields
    )
    rated = tuple(
        replace(f, maximum=10) if isinstance(f.type, Integer) else f for f in CUSTOMER_INTERACTIONS.fields
    )
    digests = {
        WEB_LOGS.rules_digest,
        replace(WEB_LOGS, fields=fewer).rules_digest,
        replace(WEB_LOGS, fields=wider).rules_digest,
        replace(WEB_LOGS, flat_names={}).rules_digest,
        CUSTOMER_INTERACTIONS.rules_digest,
        replace(CUSTOMER_INTERACTIONS, fields=rated).rules_digest,
    }
    assert len(digests) == 6


@given(st.text())
def test_quoted_text_is_one_literal(text: str) -> None:
    """A quote or a backslash in a key ends the literal, and what follows is SQL."""
    literal = quoted(text)
    assert literal[0] == literal[-1] == "'"
    inner, read, at = literal[1:-1], "", 0
    while at < len(inner):  # Redshift: '' is a quote, and a backslash escapes what follows
        assert inner[at] not in "'\\" or inner[at : at + 2] in ("''", "\\\\")
        read += inner[at]
        at += 2 if inner[at] in "'\\" else 1
    assert read == text


@pytest.mark.parametrize(
    "hostile", ["x' IAM_ROLE 'other", "x\\", "x\\' --", "'; DROP TABLE t; --", "a\nb", "é %2F \0"]
)
def test_copy_keeps_hostile_names_in_their_literals(hostile: str) -> None:
    """An object key takes over the COPY."""
    statement = Copy(**{**COPY, "manifest_url": f"s3://b/{hostile}"}).sql()
    literal = quoted(f"s3://b/{hostile}")
    assert statement.replace(literal, "?") == Copy(**COPY).sql().replace("'s3://b/m.json'", "?")


def test_copy_is_logged_without_its_role() -> None:
    """The account's role stands in the run's log."""
    statement = Copy(**COPY)
    assert COPY["role_arn"] in statement.sql()
    assert "arn:" not in statement.redacted()
    assert "IAM_ROLE '***'" in statement.redacted()


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_statements_of_a_stream_parse(spec: Any) -> None:
    """A statement that Redshift cannot read is found in production."""
    for statement in (CreateStaging(spec), InsertFromStaging(spec), DeleteHour(spec), CountHour(spec)):
        sqlglot.parse_one(statement.sql().replace("%s", "'x'"), read="redshift")
    for other in (LoadedBetween(), SupersedeHour(), RecordLoads(3)):
        sqlglot.parse_one(other.sql().replace("%s", "'x'"), read="redshift")


def test_insert_casts_what_copy_cannot() -> None:
    """Epoch seconds land in a TIMESTAMP as they are, or a default is lost because COPY wrote NULL."""
    sql = InsertFromStaging(CUSTOMER_INTERACTIONS).sql()
    assert "TIMESTAMP 'epoch' + event_timestamp * INTERVAL '1 second'" in sql
    assert "COALESCE(ingestion_timestamp, SYSDATE)" in sql
    assert "event_timestamp DOUBLE PRECISION" in CreateStaging(CUSTOMER_INTERACTIONS).sql()


@pytest.mark.parametrize("rows", [1, 2, 200])
def test_ledger_takes_a_parameter_for_each_column_of_each_row(rows: int) -> None:
    """Parameters shift by one, and counts land under other names."""
    assert RecordLoads(rows).sql().count("%s") == rows * len(LEDGER_COLUMNS)
    assert flattened([[1, 2], [3]]) == [1, 2, 3]
