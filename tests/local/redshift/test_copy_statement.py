"""COPY's syntax: what is read, what is refused and how, and that no secret shows."""

from __future__ import annotations

import pytest

from weblogs_platform.local.redshift.contract import RedshiftError, S3Credentials
from weblogs_platform.local.redshift.copy import CopyStatement, parse_copy

HEAD = "COPY t FROM 's3://b/k' IAM_ROLE 'arn:aws:iam::0:role/r' "


def test_options_in_any_order() -> None:
    """Drivers and people write the options in any order, with or without AS, in any case."""
    parsed = parse_copy(
        """copy Shop."Web Logs" (A, "b") from 's3://lake/it''s/' -- the hour
        manifest maxerror as 10 gzip iam_role default timeformat as 'auto' region 'eu-west-1' /* all */
        format as json as 's3://lake/p.json' truncatecolumns acceptinvchars as '^' statupdate off compupdate preset
        comprows 1000 dateformat 'MM/DD/YYYY' emptyasnull blanksasnull roundec noload encoding utf8;"""
    )
    assert parsed == CopyStatement(
        schema="shop",
        table="web logs",
        columns=("a", "b"),
        source_url="s3://lake/it's/",
        iam_role="default",
        json_mode="jsonpaths",
        jsonpaths_url="s3://lake/p.json",
        manifest=True,
        compression="gzip",
        time_format="auto",
        date_format="MM/DD/YYYY",
        truncate_columns=True,
        max_errors=10,
        region="eu-west-1",
        no_load=True,
        replacement_char="^",
        empty_as_null=True,
        blanks_as_null=True,
        round_decimals=True,
    )


@pytest.mark.parametrize(
    ("authorization", "keys"),
    [
        (
            "CREDENTIALS 'aws_access_key_id=AK;aws_secret_access_key=s3cr3t;token=t0ken'",
            S3Credentials("AK", "s3cr3t", "t0ken"),
        ),
        ("ACCESS_KEY_ID 'AK' SECRET_ACCESS_KEY 's3cr3t'", S3Credentials("AK", "s3cr3t")),
        (
            "ACCESS_KEY_ID 'AK' SECRET_ACCESS_KEY 's3cr3t' SESSION_TOKEN 't0ken'",
            S3Credentials("AK", "s3cr3t", "t0ken"),
        ),
    ],
)
def test_keys_are_read_and_never_shown(authorization: str, keys: S3Credentials) -> None:
    """A key in a log or in an error is a leaked key."""
    parsed = parse_copy(f"COPY t FROM 's3://b/k' {authorization} JSON 'auto'")
    assert parsed.access_keys == keys
    assert "s3cr3t" not in repr(parsed)
    assert "t0ken" not in repr(parsed)
    with pytest.raises(RedshiftError) as failure:
        parse_copy(f"COPY t FROM 's3://b/k' {authorization} 's3cr3t'")
    assert "s3cr3t" not in failure.value.message


def test_a_role_in_the_credentials() -> None:
    """The older spelling of IAM_ROLE means the same."""
    arn = "arn:aws:iam::0:role/r"
    assert parse_copy(f"COPY t FROM 's3://b/k' WITH CREDENTIALS AS 'aws_iam_role={arn}' JSON").iam_role == arn


@pytest.mark.parametrize(
    ("options", "limit"),
    [("", 1), ("MAXERROR 0", 1), ("MAXERROR 1", 1), ("MAXERROR 100000", 100000), ("IGNOREALLERRORS", None)],
)
def test_maxerror(options: str, limit: int | None) -> None:
    """0 and 1 both mean at the first error; the maximum is 100000."""
    assert parse_copy(f"{HEAD} JSON 'auto' {options}").max_errors == limit


@pytest.mark.parametrize(
    ("sql", "sqlstate", "named"),
    [
        (HEAD + "CSV", "0A000", "CSV"),
        (HEAD + "FORMAT AS PARQUET", "0A000", "PARQUET"),
        (HEAD + "FORMAT AVRO 'auto'", "0A000", "AVRO"),
        (HEAD + "JSON 'auto' FILLRECORD", "0A000", "FILLRECORD"),
        (HEAD + "JSON 'auto' NULL AS 'x'", "0A000", "NULL"),
        (HEAD + "JSON 'auto' LZOP", "0A000", "LZOP"),
        (HEAD + "JSON 'auto' ENCRYPTED", "0A000", "ENCRYPTED"),
        (HEAD + "JSON 'auto' ENCODING UTF16", "0A000", "ENCODING"),
        (HEAD + "MANIFEST", "0A000", "delimited text"),
        ("COPY t FROM 'dynamodb://x' IAM_ROLE default JSON 'auto'", "0A000", "dynamodb"),
        ("COPY t FROM 's3://b/k' IAM_ROLE 'arn:a,arn:b' JSON 'auto'", "0A000", "chaining"),
        (HEAD + "JSON 'auto' NOSUCHTHING", "42601", "NOSUCHTHING"),
        (HEAD + "JSON 'automatic'", "42601", "automatic"),
        (HEAD + "JSON 'auto' GZIP BZIP2", "42601", "BZIP2"),
        (HEAD + "JSON 'auto' GZIP ZSTD", "42601", "ZSTD"),
        (HEAD + "JSON 'auto' MAXERROR 5 IGNOREALLERRORS", "42601", "IGNOREALLERRORS"),
        (HEAD + "JSON 'auto' MAXERROR 100001", "22023", "100001"),
        (HEAD + "JSON 'auto' MAXERROR x", "42601", "MAXERROR"),
        (HEAD + "JSON 'auto' ACCEPTINVCHARS 'ab'", "22023", "ACCEPTINVCHARS"),
        ("COPY t FROM 's3://b/k' JSON 'auto'", "42601", "authorization"),
        ("COPY t FROM 's3://b/k' ACCESS_KEY_ID 'a' JSON 'auto'", "42601", "SECRET_ACCESS_KEY"),
        (HEAD + "ACCESS_KEY_ID 'a' SECRET_ACCESS_KEY 'b' JSON 'auto'", "42601", "not both"),
        ("COPY t (a, A) FROM 's3://b/k' IAM_ROLE default JSON", "42701", "a"),
        ("COPY a.b.c FROM 's3://b/k' IAM_ROLE default JSON", "0A000", "database"),
        ("COPY t FROM s3 IAM_ROLE default JSON", "42601", "quotes"),
        (HEAD + "JSON 'auto", "42601", "syntax"),
    ],
)
def test_what_is_refused(sql: str, sqlstate: str, named: str) -> None:
    """What Redshift knows and this server does not is 0A000 with its name; the rest is a syntax error."""
    with pytest.raises(RedshiftError) as failure:
        parse_copy(sql)
    assert failure.value.sqlstate == sqlstate
    assert named in failure.value.message
