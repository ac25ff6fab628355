"""Queries, DML and expressions through sqlglot, with every function left by its Redshift name.

sqlglot would translate functions while it parses, some of them wrongly for DuckDB; here only the syntax is its work
and `functions` decides what each name means. Trees are checked against the allow-lists of `allowed` at once.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import ParseError, TokenError

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.allowed import check_tree
from weblogs_platform.local.redshift.dialect.lexer import cast_typed_literals
from weblogs_platform.local.redshift.dialect.statements import CreateTableAs, Name, Query, Write

_SYNTAX_FUNCTIONS = ("CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST")


def _approximate(parser: Any) -> exp.Expr:
    """APPROXIMATE count(distinct x), and the same prefix of percentile_disc, as a function of its own name."""
    call = parser._parse_function()  # noqa: SLF001 - sqlglot has no public way to extend its parser
    if not isinstance(call, exp.Anonymous) or call.name.lower() != "count":
        raise RedshiftError("0A000", "APPROXIMATE is supported for COUNT(DISTINCT ...) only")
    return exp.Anonymous(this="approximate_count", expressions=call.expressions)


class _PlainRedshift(Redshift):
    """sqlglot's Redshift with its table of functions emptied: names stay as written."""

    class Parser(Redshift.Parser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: parser
            for name, parser in Redshift.Parser.FUNCTION_PARSERS.items()
            if name in _SYNTAX_FUNCTIONS
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            **{
                name: parser
                for name, parser in Redshift.Parser.NO_PAREN_FUNCTION_PARSERS.items()
                if name in ("CASE", "ANY", "SYSDATE")
            },
            "APPROXIMATE": _approximate,
        }


_DIALECT = _PlainRedshift()
_WRITES: dict[type[exp.Expr], str] = {
    exp.Insert: "INSERT",
    exp.Update: "UPDATE",
    exp.Delete: "DELETE",
    exp.Merge: "MERGE",
}


def parse_select(sql: str) -> Query | Write | CreateTableAs:
    """A statement that starts with SELECT or WITH; SELECT ... INTO creates a table."""
    tree = _parse(sql)
    if isinstance(tree, exp.Select) and tree.args.get("into") is not None:
        return _select_into(tree)
    if not isinstance(tree, exp.Query):
        return _write(tree)
    check_tree(tree)
    return Query(tree)


def parse_query(sql: str) -> Query:
    """A query and nothing else. Raises RedshiftError 42601 or 0A000."""
    statement = parse_select(sql)
    if not isinstance(statement, Query):
        raise RedshiftError("42601", "a query is expected here")
    return statement


def parse_dml(sql: str) -> Write:
    """INSERT, UPDATE, DELETE or MERGE."""
    return _write(_parse(sql))


def parse_expression(sql: str) -> exp.Expr:
    """A single expression, e.g. of a DEFAULT clause."""
    tree = _parse(f"SELECT {sql}")
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or len(_set_args(tree)) != 1:
        raise RedshiftError("42601", f"syntax error in expression {sql!r}")
    check_tree(tree)
    return tree.expressions[0]


def _set_args(tree: exp.Expr) -> list[str]:
    return [name for name, value in tree.args.items() if value not in (None, [], False)]


def _parse(sql: str) -> exp.Expr:
    try:
        trees = sqlglot.parse(cast_typed_literals(sql), dialect=_DIALECT)
    except (ParseError, TokenError) as error:
        raise RedshiftError("42601", f"syntax error: {_first_line(error)}") from error
    except RecursionError as error:
        raise RedshiftError("54001", "the statement is nested too deeply") from error
    if len(trees) != 1 or trees[0] is None or isinstance(trees[0], exp.Command):
        raise RedshiftError("0A000", "this statement is not supported")
    return trees[0]


def _first_line(error: Exception) -> str:
    text = str(error).replace("\x1b[4m", "").replace("\x1b[0m", "")
    return " ".join(text.split())[:300]


def _select_into(tree: exp.Select) -> CreateTableAs:
    into = tree.args["into"]
    tree.set("into", None)
    check_tree(tree)
    name = _table_name(into.this)
    temporary = bool(into.args.get("temporary")) or name[1].startswith("#")
    return CreateTableAs(name, temporary, False, (), Query(tree))


def _table_name(table: exp.Expr) -> Name:
    if not isinstance(table, exp.Table) or not table.name:
        raise RedshiftError("42601", "a table name is expected here")
    return (table.db.lower() or None), table.name.lower()


def _write(tree: exp.Expr) -> Write:
    verb = _WRITES.get(type(tree))
    if verb is None:
        raise RedshiftError("0A000", f"statement {type(tree).__name__.upper()} is not supported")
    if isinstance(tree, exp.Merge):
        _name_merge_values(tree)
    check_tree(tree)
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    return Write(tree, verb, _table_name(target))


def _name_merge_values(merge: exp.Expr) -> None:
    """INSERT VALUES (...) without columns in MERGE: sqlglot takes VALUES for a function in a column list."""
    for insert in merge.find_all(exp.Insert):
        listed = insert.this.expressions if isinstance(insert.this, exp.Tuple) else []
        if len(listed) == 1 and isinstance(listed[0], exp.Anonymous) and listed[0].name.lower() == "values":
            insert.set("this", None)
            insert.set("expression", exp.Tuple(expressions=listed[0].expressions))
