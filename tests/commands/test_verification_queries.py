"""The files of `sql/verification`: what each has to be."""

from __future__ import annotations

import re

import pytest
import sqlglot

from weblogs_platform.commands.verify import QUERIES, SALES_TABLES
from weblogs_platform.kpis import TABLES
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import STREAMS

FILES = sorted(QUERIES.glob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_a_question_and_one_query(path) -> None:
    """A file that nobody can tell the purpose of, or that changes something."""
    text = path.read_text(encoding="utf-8")
    comment = " ".join(line.lstrip("- ") for line in text.split("SELECT")[0].splitlines() if line[:2] == "--")
    assert text.startswith("-- ")
    assert "?" in comment
    [statement] = sqlglot.parse(re.sub(r":(\w+)", r"'\1'", text), dialect="redshift")
    assert isinstance(statement, sqlglot.exp.Query)


def test_every_file_is_asked() -> None:
    """A query that `weblogs verify` does not run stops working unnoticed."""
    source = (PROJECT_ROOT / "weblogs_platform" / "commands" / "verify.py").read_text(encoding="utf-8")
    asked = set(re.findall(r'_(?:ask|of_streams)\(\s*"(\w+)"', source)) | {
        f"sample_{spec.name}" for spec in STREAMS
    }
    assert asked == {path.stem for path in FILES}


def test_every_stream_is_counted() -> None:
    """A stream that was added later is never verified."""
    text = (QUERIES / "rows_per_hour.sql").read_text(encoding="utf-8")
    counted = re.findall(r"SELECT CAST\('(\w+)' AS VARCHAR\(64\)\) AS stream, landing_hour FROM (\S+)", text)
    assert counted == [(spec.name, spec.qualified_table) for spec in STREAMS]


def test_the_sales_tables_are_declared() -> None:
    """A sales table is renamed, and the totals are never compared again."""
    assert {table.qualified for table in TABLES} >= SALES_TABLES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_query_asks_what_redshift_serverless_does_not_keep(path) -> None:
    """STL and SVL tables are empty there, and nothing refused is read as all is well."""
    assert (
        re.search(
            r"\b(stl|svl|stv|svcs)_", path.read_text(encoding="utf-8").split("SELECT", 1)[1], re.IGNORECASE
        )
        is None
    )
