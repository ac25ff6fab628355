"""What Redshift calls the result columns that a query leaves unnamed (PostgreSQL's rules)."""

from __future__ import annotations

from sqlglot import exp

UNNAMED = "?column?"


def name_results(tree: exp.Expr) -> None:
    """Gives every unnamed projection its Redshift name; unnamable ones only where the client sees them."""
    top = _outermost(tree)
    for select in tree.find_all(exp.Select):
        used = {projection.alias_or_name for projection in select.expressions}
        named = [_named(projection, used, visible=select is top) for projection in select.expressions]
        select.set("expressions", named)


def _outermost(tree: exp.Expr) -> exp.Expr | None:
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    return tree if isinstance(tree, exp.Select) else None


def _named(projection: exp.Expr, used: set[str], *, visible: bool) -> exp.Expr:
    if isinstance(projection, (exp.Alias, exp.Star)) or _is_plain_column(projection):
        return projection
    name = result_name(projection)
    if not visible and (name == UNNAMED or name in used):
        return projection
    used.add(name)
    return exp.alias_(projection, name, quoted=True)


def _is_plain_column(projection: exp.Expr) -> bool:
    return isinstance(projection, exp.Column) and not projection.name.startswith("__rs_")


def result_name(expression: exp.Expr) -> str:
    """The name of one projection: of its column, function or type, else `?column?`."""
    if isinstance(expression, exp.Column):
        return UNNAMED if expression.name.startswith("__rs_") else expression.name.lower()
    if isinstance(expression, exp.Anonymous):
        name = expression.name.lower()
        return "count" if name == "approximate_count" else name
    if isinstance(expression, (exp.Window, exp.WithinGroup, exp.Paren, exp.IgnoreNulls, exp.RespectNulls)):
        return result_name(expression.this)
    if isinstance(expression, exp.Cast):
        return _cast_name(expression)
    return _BY_NODE.get(type(expression), UNNAMED)


def _cast_name(cast: exp.Cast) -> str:
    inner = result_name(cast.this)
    return inner if inner != UNNAMED else _TYPE_NAMES.get(cast.to.this, str(cast.to.this.value).lower())


_BY_NODE: dict[type[exp.Expr], str] = {
    exp.Case: "case",
    exp.Extract: "date_part",
    exp.CurrentTimestamp: "timestamp",
    exp.CurrentDate: "date",
    exp.CurrentUser: "current_user",
    exp.SessionUser: "session_user",
    exp.CurrentSchema: "current_schema",
    exp.Trim: "btrim",
    exp.Substring: "substring",
    exp.StrPosition: "position",
    exp.Exists: "exists",
}
_TYPE_NAMES = {
    exp.DType.INT: "int4",
    exp.DType.BIGINT: "int8",
    exp.DType.SMALLINT: "int2",
    exp.DType.DOUBLE: "float8",
    exp.DType.FLOAT: "float8",
    exp.DType.DECIMAL: "numeric",
    exp.DType.BOOLEAN: "bool",
    exp.DType.CHAR: "bpchar",
    exp.DType.TEXT: "varchar",
}
