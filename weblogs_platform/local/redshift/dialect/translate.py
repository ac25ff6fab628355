"""A checked Redshift tree as DuckDB SQL: names resolved, functions and casts rewritten.

The result is a template: `"__rs_param_n__"` and `"__rs_value_name__"` in it stand for what the session knows when
the statement runs. Every table in it is qualified with its database, so that nothing but a known table, view or
system relation can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import sqlglot
from sqlglot import exp
from sqlglot.errors import UnsupportedError

from weblogs_platform.local.redshift.contract import RedshiftError, TableInfo
from weblogs_platform.local.redshift.dialect.names import name_results
from weblogs_platform.local.redshift.dialect.pseudo_columns import hide_from_stars, names_pseudo_column
from weblogs_platform.local.redshift.dialect.rewrite import rewrite_expressions

_MARKER = re.compile(r'"?__rs_(param|value)_(\w+?)__"?')
RelationKind = Literal["table", "temporary", "view", "system", "live", "external"]


@dataclass(frozen=True)
class Relation:
    """Something that a query may name. `live` relations are filled by the session before each use, `external` ones
    are registered by it, one for each reference."""

    kind: RelationKind
    schema: str
    name: str
    path: tuple[str, str, str]  # database, schema, name in DuckDB
    table: TableInfo | None = None

    @property
    def sql(self) -> str:
        """Qualified and quoted for DuckDB."""
        return ".".join(quoted(part) for part in self.path)

    @property
    def stored_table(self) -> TableInfo:
        """Its columns. Raises RedshiftError 42809 for what has none in the database."""
        if self.table is None:
            raise RedshiftError("42809", f'"{self.name}" is not a table')
        return self.table

    @property
    def lock_key(self) -> str | None:
        """What to lock; None where no other session can see it."""
        return f"{self.schema}.{self.name}" if self.kind in ("table", "view") else None


class Resolver(Protocol):
    """Finds relations for the translation."""

    def relation(self, schema: str | None, name: str) -> Relation:
        """Raises RedshiftError 42P01."""
        ...


@dataclass(frozen=True)
class Scan:
    """One reference to an external table: `view` is what the session has to register for it."""

    view: str
    relation: Relation
    pseudo_columns: bool


@dataclass
class Translation:
    """DuckDB SQL and what it touches. `target` is what a DML statement writes."""

    sql: str
    scans: list[Scan] = field(default_factory=list)
    reads: list[Relation] = field(default_factory=list)
    target: Relation | None = None


def quoted(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def string_literal(text: str) -> str:
    """A DuckDB string literal. Raises 22021 for a NUL, which no engine here can store."""
    if "\0" in text:
        raise RedshiftError("22021", "a string must not contain a NUL character")
    return "'" + text.replace("'", "''") + "'"


def translate(tree: exp.Expr, resolver: Resolver) -> Translation:
    """Raises RedshiftError 0A000 / 42883 / 42P01 for what cannot be translated or does not exist."""
    tree = tree.copy()
    name_results(tree)
    _fold_identifiers(tree)
    result = Translation("")
    _resolve_tables(tree, resolver, result)
    tree = rewrite_expressions(tree)
    result.sql = generate(tree)
    return result


def translate_expression(tree: exp.Expr) -> str:
    """An expression without tables (a DEFAULT) that is stored: values of the session are refused."""
    tree = tree.copy()
    _fold_identifiers(tree)
    if tree.find(exp.Column) or tree.find(exp.Subquery):
        raise RedshiftError("0A000", "a DEFAULT expression cannot refer to columns or queries")
    return stored(generate(rewrite_expressions(exp.paren(tree))))


def generate(tree: exp.Expr) -> str:
    """DuckDB SQL of a rewritten tree."""
    try:
        return tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except (UnsupportedError, ValueError) as error:
        raise RedshiftError("0A000", f"not supported: {error}") from error
    except RecursionError as error:
        raise RedshiftError("54001", "the statement is nested too deeply") from error


def _fold_identifiers(tree: exp.Expr) -> None:
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", identifier.this.lower())
        identifier.set("quoted", True)


def _resolve_tables(tree: exp.Expr, resolver: Resolver, result: Translation) -> None:
    target = _target(tree)
    pseudo_columns = names_pseudo_column(tree)
    external: set[int] = set()
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Anonymous):
            _check_table_function(table)
        elif not _names_cte(table):
            relation = resolver.relation(table.db or None, table.name)
            if table is target:
                result.target = relation
            else:
                result.reads.append(relation)
                if relation.kind == "external":
                    relation = _scanned(relation, result, pseudo_columns=pseudo_columns)
                    external.add(id(table))
            _point(table, relation, aliased=table is not target)
    if pseudo_columns:
        hide_from_stars(tree, external)
    for column in tree.find_all(exp.Column):
        _unqualify(column)


def _scanned(relation: Relation, result: Translation, *, pseudo_columns: bool) -> Relation:
    """The relation as this one reference has it: each may need other columns and rows."""
    view = f"rs_external_{len(result.scans)}"
    result.scans.append(Scan(view, relation, pseudo_columns))
    return replace(relation, path=("temp", "main", view))


def _target(tree: exp.Expr) -> exp.Expr | None:
    if not isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
        return None
    return tree.this.this if isinstance(tree.this, exp.Schema) else tree.this


def _check_table_function(table: exp.Table) -> None:
    if table.this.name.lower() != "generate_series" or table.db:
        raise RedshiftError("0A000", f"table function {table.this.name} is not supported")
    # Its name is resolved by DuckDB, not by the table of scalar functions.
    table.this.set("this", "generate_series")
    table.this.set("is_table", True)


def _point(table: exp.Table, relation: Relation, *, aliased: bool) -> None:
    written = table.name
    database, schema, name = relation.path
    table.set("this", exp.to_identifier(name, quoted=True))
    table.set("db", exp.to_identifier(schema, quoted=True))
    table.set("catalog", exp.to_identifier(database, quoted=True))
    if aliased and not table.alias and name != written:
        alias = exp.TableAlias(this=exp.to_identifier(written, quoted=True))
        table.set("alias", alias)


def _unqualify(column: exp.Column) -> None:
    """`schema.table.column`: DuckDB knows the table by its name alone when it is a system view."""
    column.set("catalog", None)
    if column.args.get("db") and column.text("db") in ("pg_catalog", "information_schema"):
        column.set("db", None)


def _names_cte(table: exp.Table) -> bool:
    if table.db:
        return False
    node: exp.Expr | None = table
    while node is not None and node.parent is not None:
        parent = node.parent
        with_ = parent.args.get("with_")
        if isinstance(with_, exp.With) and with_ is not node and _defines(with_.expressions, table.name):
            return True
        if isinstance(parent, exp.With):
            earlier = _visible_ctes(parent, node)
            if _defines(earlier, table.name):
                return True
            node = parent.parent  # the statement's own WITH is only visible after it
            continue
        node = parent
    return False


def _visible_ctes(with_: exp.With, within: exp.Expr) -> list[exp.Expr]:
    position = next(index for index, cte in enumerate(with_.expressions) if cte is within)
    return with_.expressions[: position + 1] if with_.args.get("recursive") else with_.expressions[:position]


def _defines(ctes: list[exp.Expr], name: str) -> bool:
    return any(cte.alias.lower() == name for cte in ctes)


_STORED_VALUES = {
    "getdate": "date_trunc('second', CAST(now() AS TIMESTAMP))",
    "sysdate": "CAST(now() AS TIMESTAMP)",
    "current_database": "rs_database()",
}


def stored(template: str) -> str:
    """The template for a DEFAULT or a view, where the time is that of its use. Raises RedshiftError 0A000."""

    def parameter(number: int) -> str:
        raise RedshiftError("42P02", f"there is no parameter ${number}")

    def value(name: str) -> str:
        if name not in _STORED_VALUES:
            raise RedshiftError("0A000", f"{name.upper()} in a view or a DEFAULT is not supported")
        return _STORED_VALUES[name]

    return fill(template, parameter, value)


def fill(template: str, parameter: Callable[[int], str], value: Callable[[str], str]) -> str:
    """The template with its parameters and session values as SQL literals."""

    def replace(match: re.Match[str]) -> str:
        kind, name = match.groups()
        return parameter(int(name)) if kind == "param" else value(name)

    return _MARKER.sub(replace, template)
