"""The statements that drop duplicates between COPY and the stream table, for specs with `duplicates="drop"`.

Each object is copied by itself and gathered with its number, so that every object's duplicates are counted. Then one
statement ranks all gathered rows together with the table's rows of the window, by the compared values themselves:
no hash decides. PARTITION BY holds null equal to null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from weblogs_platform.core.spec import Field, StreamSpec, Varchar
from weblogs_platform.core.statements import STAGING, staged_value, staging_type

GATHERED, FRESH = "gathered", "fresh"
"""Temporary tables: all staged rows of a load, and those of them that are no duplicates; with the object's number."""


@dataclass(frozen=True)
class CreateNumbered:
    """GATHERED or FRESH: the staged columns and the number of the object that a row came from."""

    spec: StreamSpec
    table: str

    def sql(self) -> str:
        columns = ", ".join(f"{f.column} {staging_type(f)}" for f in self.spec.fields)
        return f"CREATE TEMP TABLE {self.table} (file_no INTEGER, {columns})"


@dataclass(frozen=True)
class DropNumbered:
    """Ends GATHERED or FRESH."""

    table: str

    def sql(self) -> str:
        return f"DROP TABLE {self.table}"


@dataclass(frozen=True)
class Gather:
    """Adds the staged rows of one object. Parameter: its number."""

    spec: StreamSpec

    def sql(self) -> str:
        columns = _columns(self.spec)
        return f"INSERT INTO {GATHERED} (file_no, {columns}) SELECT CAST(%s AS INTEGER), {columns} FROM {STAGING}"


@dataclass(frozen=True)
class KeepFresh:
    """Fills FRESH: of equal rows the first of the objects' order, unless the table has one of them in the window.

    Within an object the least one stays: by its record number where records have one, else by its values.
    Parameters: first landing hour of the window and its end.
    """

    spec: StreamSpec

    def sql(self) -> str:
        columns = _columns(self.spec)
        stamps = [f.column for f in self.spec.fields if f.stamped]
        order = ", ".join(["file_no", *reversed(stamps), *(f.column for f in self.spec.source_fields)])
        return (
            f"INSERT INTO {FRESH} (file_no, {columns}) SELECT file_no, {columns} FROM ("
            f"SELECT file_no, {columns}, ROW_NUMBER() OVER ("
            f"PARTITION BY {', '.join(_keys(self.spec))} ORDER BY {order}) AS copy_no "
            f"FROM ({self._loaded()} UNION ALL {self._gathered()}) AS both_sides) AS ranked "
            "WHERE copy_no = 1 AND file_no >= 0"
        )

    def _loaded(self) -> str:
        """The table's rows, numbered before every object. Only those that can equal a gathered one are ranked."""
        nulls = ", ".join(f"CAST(NULL AS {staging_type(f)}) AS {f.column}" for f in self.spec.fields)
        values = ", ".join(_aliased(self.spec, lambda f: f.column))
        alike = "".join(
            f" AND {f.column} IN (SELECT {staged_value(f)} FROM {GATHERED})"
            for f in self.spec.compared_fields
            if f.required
        )
        return (
            f"SELECT CAST(-1 AS INTEGER) AS file_no, {nulls}, {values} FROM {self.spec.qualified_table} "
            f"WHERE landing_hour >= CAST(%s AS TIMESTAMP) AND landing_hour < CAST(%s AS TIMESTAMP){alike}"
        )

    def _gathered(self) -> str:
        values = ", ".join(_aliased(self.spec, staged_value))
        return f"SELECT file_no, {_columns(self.spec)}, {values} FROM {GATHERED}"


@dataclass(frozen=True)
class CountFresh:
    """How many rows of each object are fresh; objects without any are missing."""

    def sql(self) -> str:
        return f"SELECT file_no, COUNT(*) FROM {FRESH} GROUP BY file_no"


@dataclass(frozen=True)
class StageFresh:
    """Puts the fresh rows into the empty staging table."""

    spec: StreamSpec

    def sql(self) -> str:
        columns = _columns(self.spec)
        return f"INSERT INTO {STAGING} ({columns}) SELECT {columns} FROM {FRESH}"


def _columns(spec: StreamSpec) -> str:
    return ", ".join(f.column for f in spec.fields)


def _aliased(spec: StreamSpec, value: Callable[[Field], str]) -> list[str]:
    return [f"{value(f)} AS key_{n}" for n, f in enumerate(spec.compared_fields, 1)]


def _keys(spec: StreamSpec) -> list[str]:
    """What equal records agree in. Redshift compares texts without their trailing blanks: the length tells."""
    return [
        key
        for n, f in enumerate(spec.compared_fields, 1)
        for key in ([f"key_{n}", f"LEN(key_{n})"] if isinstance(f.type, Varchar) else [f"key_{n}"])
    ]
