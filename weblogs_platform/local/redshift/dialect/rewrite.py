"""Expressions of a Redshift tree rewritten, innermost first, to what means the same in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import DeclaredType, declared_type
from weblogs_platform.local.redshift.dialect.functions import (
    average,
    call,
    date_part,
    datepart,
    function,
    value_marker,
)

_DONE = "rs_done"
_SECONDS = {
    "MICROSECOND": "1", "MILLISECOND": "1000", "SECOND": "1000000", "MINUTE": "60000000", "HOUR": "3600000000",
    "DAY": "86400000000", "WEEK": "604800000000",
}  # fmt: skip


def rewrite_expressions(tree: exp.Expr) -> exp.Expr:
    """The rewritten tree (changed in place; its root may be another node). Raises RedshiftError 0A000, 42883."""
    for node in reversed(list(tree.walk())):
        if node.meta.get(_DONE):
            continue
        changed = _rewritten(node)
        if changed is not node:
            tree = _replace(tree, node, changed)
    return tree


def _replace(tree: exp.Expr, node: exp.Expr, changed: exp.Expr) -> exp.Expr:
    if node is tree:
        return changed
    node.replace(changed)
    return tree


def _rewritten(node: exp.Expr) -> exp.Expr:
    rewrite = _REWRITES.get(type(node))
    return rewrite(node) if rewrite else node


def _anonymous(node: exp.Expr) -> exp.Expr:
    name = node.name.lower()
    if node.args.get("is_table") or isinstance(node.parent, exp.Table):
        return node
    if isinstance(node.parent, (exp.Window, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        return node  # its parent decides
    return _call(name, node.expressions)


def _call(name: str, arguments: list[exp.Expr]) -> exp.Expr:
    if name == "avg":
        function(name, len(arguments))
        return _quotient(*average(arguments))
    if name == "listagg":
        return _listagg(arguments, None)
    if name in ("percentile_cont", "percentile_disc", "ratio_to_report"):
        raise RedshiftError("42601", f"{name.upper()} needs its WITHIN GROUP or OVER clause")
    return function(name, len(arguments)).build(arguments)


def _quotient(total: exp.Expr, count: exp.Expr) -> exp.Expr:
    division = exp.Div(this=total, expression=count)
    division.meta[_DONE] = True
    return exp.paren(division, copy=False)


def _window(node: exp.Expr) -> exp.Expr:
    inner, ignore_nulls = node.this, False
    while isinstance(inner, (exp.IgnoreNulls, exp.RespectNulls)):
        ignore_nulls = isinstance(inner, exp.IgnoreNulls)
        inner = inner.this
    if isinstance(inner, exp.WithinGroup):
        return _over(node, _within_group_call(inner))
    if not isinstance(inner, exp.Anonymous):
        return node  # WITHIN GROUP and the like have been rewritten already
    name, arguments = inner.name.lower(), list(inner.expressions)
    if arguments and isinstance(arguments[0], (exp.IgnoreNulls, exp.RespectNulls)):
        ignore_nulls = isinstance(arguments[0], exp.IgnoreNulls)
        arguments[0] = arguments[0].this
    if name == "avg":
        function(name, len(arguments))
        total, count = average(arguments)
        return _quotient(_over(node.copy(), total), _over(node.copy(), count))
    if name == "ratio_to_report":
        function(name, len(arguments))
        total = _over(node.copy(), call("sum", *arguments))
        return _quotient(
            exp.cast(arguments[0].copy(), "DOUBLE"), call("nullif", total, exp.Literal.number(0))
        )
    if ignore_nulls:
        return _over(node, _ignoring_nulls(name, arguments))
    return _over(node, _call(name, arguments))


def _over(window: exp.Expr, inner: exp.Expr) -> exp.Expr:
    window.set("this", inner)
    return window


def _ignoring_nulls(name: str, arguments: list[exp.Expr]) -> exp.Expr:
    build = _IGNORING_NULLS.get(name)
    if build is None:
        raise RedshiftError("0A000", f"IGNORE NULLS is not supported for {name.upper()}")
    return exp.IgnoreNulls(this=build(arguments))


_IGNORING_NULLS: dict[str, Callable[[list[exp.Expr]], exp.Expr]] = {
    "lag": lambda a: exp.Lag(this=a[0], offset=a[1] if len(a) > 1 else None),
    "lead": lambda a: exp.Lead(this=a[0], offset=a[1] if len(a) > 1 else None),
    "first_value": lambda a: exp.FirstValue(this=a[0]),
    "last_value": lambda a: exp.LastValue(this=a[0]),
    "nth_value": lambda a: exp.NthValue(this=a[0], offset=a[1]),
}


def _within_group(node: exp.Expr) -> exp.Expr:
    return node if isinstance(node.parent, exp.Window) else _within_group_call(node)


def _within_group_call(node: exp.Expr) -> exp.Expr:
    inner, order = node.this, node.expression
    name = inner.name.lower() if isinstance(inner, exp.Anonymous) else ""
    if name == "listagg":
        return _listagg(inner.expressions, order)
    if name in ("percentile_cont", "percentile_disc") and len(order.expressions) == 1:
        return _percentile(name, inner.expressions[0], order.expressions[0])
    raise RedshiftError("0A000", f"WITHIN GROUP is not supported for {name.upper() or inner.sql()}")


def _percentile(name: str, fraction: exp.Expr, ordered: exp.Expr) -> exp.Expr:
    if ordered.args.get("desc"):
        if name == "percentile_disc":
            raise RedshiftError("0A000", "PERCENTILE_DISC with ORDER BY ... DESC is not supported")
        fraction = exp.paren(exp.Sub(this=exp.Literal.number(1), expression=fraction))
    value = exp.cast(ordered.this, "DOUBLE") if name == "percentile_cont" else ordered.this
    return call(name.replace("percentile", "quantile"), value, fraction)


def _listagg(arguments: list[exp.Expr], order: exp.Expr | None) -> exp.Expr:
    distinct = isinstance(arguments[0], exp.Distinct)
    values = list(arguments[0].expressions if distinct else arguments)
    function("listagg", len(values))
    delimiter = values[1] if len(values) > 1 else exp.Literal.string("")
    value = exp.Distinct(expressions=[values[0]]) if distinct else exp.cast(values[0], "VARCHAR")
    if order is not None:
        delimiter = exp.Order(this=delimiter, expressions=order.expressions)
    return call("string_agg", value, delimiter)


def _cast(node: exp.Expr) -> exp.Expr:
    declared = cast_type(node.args["to"])
    changed = type(node)(this=node.this, to=exp.DataType.build(declared.duckdb, dialect="duckdb"))
    if declared.length is not None and node.args["to"].expressions and declared.name != "binary varying":
        return call("rs_varchar", changed, exp.Literal.number(declared.length))
    return changed


_TYPE_NAMES: dict[exp.DType, str] = {
    exp.DType.INT: "integer", exp.DType.SMALLINT: "smallint", exp.DType.BIGINT: "bigint",
    exp.DType.FLOAT: "float4", exp.DType.DOUBLE: "float8", exp.DType.DECIMAL: "numeric",
    exp.DType.BOOLEAN: "boolean", exp.DType.VARCHAR: "varchar", exp.DType.NVARCHAR: "varchar",
    exp.DType.TEXT: "varchar", exp.DType.CHAR: "char", exp.DType.NCHAR: "char", exp.DType.BPCHAR: "bpchar",
    exp.DType.DATE: "date", exp.DType.TIME: "time", exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamptz", exp.DType.SUPER: "super", exp.DType.VARBINARY: "varbyte",
}  # fmt: skip


def cast_type(data_type: exp.Expr) -> DeclaredType:
    """The Redshift type that a cast names. Raises RedshiftError 0A000."""
    name = _TYPE_NAMES.get(data_type.this)
    if name is None:
        raise RedshiftError("0A000", f"type {data_type.sql()} is not supported")
    return declared_type(name, tuple(parameter.name.lower() for parameter in data_type.expressions))


def _extract(node: exp.Expr) -> exp.Expr:
    return date_part(datepart(node.this), node.expression)


def _division(node: exp.Expr) -> exp.Expr:
    changed = type(node)(this=node.this, expression=_divisor(node.expression))
    changed.meta[_DONE] = True
    return changed


def _divisor(divisor: exp.Expr) -> exp.Expr:
    """DuckDB divides by zero without an error, Redshift does not."""
    if isinstance(divisor, exp.Literal) and not divisor.is_string and float(divisor.name) != 0:
        return divisor
    if isinstance(divisor, exp.Paren) and isinstance(divisor.this, exp.Literal):
        return _divisor(divisor.this)
    return call("rs_divisor", divisor)


def _multiplication(node: exp.Expr) -> exp.Expr:
    """A number times an interval: DuckDB multiplies intervals by whole numbers only."""
    for number, interval in ((node.this, node.expression), (node.expression, node.this)):
        if isinstance(interval, exp.Interval) and interval.unit is not None:
            return _scaled_interval(number, interval)
    return node


def _scaled_interval(number: exp.Expr, interval: exp.Interval) -> exp.Expr:
    unit = interval.unit.name.upper() if interval.unit is not None else ""
    if unit in ("MONTH", "YEAR", "QUARTER"):
        months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit] * int(interval.this.name)
        return call(
            "to_months", exp.cast(exp.Mul(this=exp.paren(number), expression=_number(months)), "INTEGER")
        )
    if unit not in _SECONDS:
        raise RedshiftError("0A000", f"an interval in {unit or interval.sql()} cannot be multiplied")
    micros = exp.Mul(
        this=exp.cast(number, "DOUBLE"), expression=_number(f"{interval.this.name} * {_SECONDS[unit]}")
    )
    return call("to_microseconds", exp.cast(call("round", micros), "BIGINT"))


def _number(text: object) -> exp.Expr:
    return exp.paren(exp.Literal.number(str(text)))


def _like(node: exp.Expr) -> exp.Expr:
    """Redshift's LIKE has the backslash as its escape character, DuckDB's has none."""
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.name
    if plain or isinstance(node.parent, exp.Escape) or isinstance(pattern, (exp.Any, exp.All)):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


_SIMILAR_PLAIN = re.compile(r"[.^$]")


def _similar_to(node: exp.Expr) -> exp.Expr:
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or isinstance(node.parent, exp.Escape) or "\\" in pattern.name:
        raise RedshiftError("0A000", "SIMILAR TO needs a literal pattern without escapes")
    regex = _SIMILAR_PLAIN.sub(r"\\\g<0>", pattern.name).replace("%", ".*").replace("_", ".")
    return call("regexp_full_match", node.this, exp.Literal.string(regex), exp.Literal.string("s"))


def _regexp_like(node: exp.Expr) -> exp.Expr:
    return call("regexp_matches", node.this, node.expression)


def _current_timestamp(node: exp.Expr) -> exp.Expr:
    return value_marker("sysdate") if node.args.get("sysdate") else call("now")


def _marked(name: str) -> Callable[[exp.Expr], exp.Expr]:
    return lambda _: value_marker(name)


_REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Anonymous: _anonymous,
    exp.Window: _window,
    exp.WithinGroup: _within_group,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Extract: _extract,
    exp.Div: _division,
    exp.Mod: _division,
    exp.Mul: _multiplication,
    exp.Like: _like,
    exp.ILike: _like,
    exp.SimilarTo: _similar_to,
    exp.RegexpLike: _regexp_like,
    exp.CurrentTimestamp: _current_timestamp,
    exp.CurrentUser: _marked("current_user"),
    exp.SessionUser: _marked("current_user"),
    exp.CurrentSchema: _marked("current_schema"),
}
