"""DuckDB's exceptions as the errors that Redshift would send."""

from __future__ import annotations

import re

import duckdb

from weblogs_platform.local.redshift.contract import RedshiftError

_OWN = re.compile(r"rs:(\w{5}):(.*)", re.DOTALL)
_LENGTH = re.compile(r"CHECK\(\(strlen\((?P<column>.*?)\) <= (?P<length>\d+)\)\)")
_NOT_NULL = re.compile(r"NOT NULL constraint failed: (?:.*\.)?(?P<column>[^.\s]+)")
_STATES: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.InterruptException, "57014"),
    (duckdb.ConversionException, "22P02"),
    (duckdb.OutOfRangeException, "22003"),
    (duckdb.OutOfMemoryException, "53200"),
    (duckdb.ParserException, "42601"),
    (duckdb.SyntaxException, "42601"),
    (duckdb.NotImplementedException, "0A000"),
    (duckdb.PermissionException, "42501"),
    (duckdb.FatalException, "58000"),
    (duckdb.IOException, "58030"),
    (duckdb.InternalException, "XX000"),
)


def translated(error: duckdb.Error) -> RedshiftError:
    """The error for the client. What has no known shape keeps DuckDB's text, without its SQL excerpt."""
    text = str(error).split("\n\nLINE ")[0].strip()
    message = re.sub(r"^[A-Za-z ]+ Error: ", "", text)
    if own := _OWN.search(message):
        return RedshiftError(own.group(1), own.group(2).strip())
    if isinstance(error, duckdb.ConstraintException):
        return _constraint(message)
    if isinstance(error, duckdb.TransactionException):
        return _transaction(message)
    if isinstance(error, duckdb.CatalogException):
        return _catalog(message)
    if isinstance(error, duckdb.BinderException):
        return _binder(message)
    if isinstance(error, duckdb.InterruptException):
        return RedshiftError("57014", "Query cancelled on user's request")
    state = next((state for kind, state in _STATES if isinstance(error, kind)), "XX000")
    return RedshiftError(state, message)


def _constraint(message: str) -> RedshiftError:
    if length := _LENGTH.search(message):
        return RedshiftError("22001", f"value too long for type character varying({length.group('length')})")
    if null := _NOT_NULL.search(message):
        return RedshiftError("23502", f"Cannot insert a NULL value into column {null.group('column')}")
    return RedshiftError("23514", message)


def _transaction(message: str) -> RedshiftError:
    lowered = message.lower()
    if "conflict" in lowered or "altered" in lowered or "failed to commit" in lowered:
        return RedshiftError(
            "40001",
            "1023 Serializable isolation violation on table",
            detail=message,
            hint="Retry the transaction.",
        )
    return RedshiftError("25000", message)


def _catalog(message: str) -> RedshiftError:
    if "conflict" in message.lower():
        return _transaction(message)
    if found := re.search(r"(?:Table|View) with name \"?([^\"\s]+?)\"? does not exist", message):
        return RedshiftError("42P01", f'relation "{found.group(1)}" does not exist')
    if "already exists" in message:
        return RedshiftError("42P07", message.split("!", maxsplit=1)[0])
    if "depend" in message:
        return RedshiftError("2BP01", message)
    if re.search(r"Function with name", message):
        return RedshiftError("42883", message)
    return RedshiftError("42704", message)


def _binder(message: str) -> RedshiftError:
    if found := re.search(r"Referenced column \"?([^\"]+?)\"? (?:not found|was not found)", message):
        return RedshiftError("42703", f'column "{found.group(1)}" does not exist')
    if "GROUP BY" in message:
        return RedshiftError("42803", message)
    if "mbiguous" in message:
        return RedshiftError("42702", message)
    if "No function matches" in message:
        return RedshiftError("42883", message)
    if re.search(r"does not have a column|Column .* not found|not found in FROM", message):
        return RedshiftError("42703", message)
    if "columns but" in message or "number of columns" in message:
        return RedshiftError("42601", message)
    if "cannot compare" in message.lower() or "explicit cast" in message.lower():
        return RedshiftError("42804", message)
    return RedshiftError("42P10", message)
