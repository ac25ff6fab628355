"""Which syntax of a parsed tree is Redshift's and translated: anything else is refused with 0A000.

sqlglot accepts the union of many dialects (lambdas, list literals, PIVOT, SAMPLE, FILTER, ...); without this list
DuckDB's own features would leak through.
"""

from __future__ import annotations

from sqlglot import exp

from weblogs_platform.local.redshift.contract import RedshiftError

_NODES: frozenset[type[exp.Expr]] = frozenset(
    {
        # statements and their clauses
        exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.Values, exp.Tuple,
        exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit,
        exp.Offset, exp.Distinct, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.When, exp.Whens, exp.Schema,
        exp.Table, exp.TableAlias, exp.Rollup, exp.Cube, exp.GroupingSets,
        # names, literals, operators
        exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Alias, exp.Paren, exp.Var,
        exp.And, exp.Or, exp.Not, exp.Xor, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In,
        exp.Between, exp.Like, exp.ILike, exp.SimilarTo, exp.Escape, exp.RegexpLike, exp.Add,
        exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Pow, exp.Sqrt, exp.Neg, exp.DPipe, exp.Exists, exp.Any, exp.All,
        exp.NullSafeEQ, exp.NullSafeNEQ, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot,
        exp.BitwiseLeftShift, exp.BitwiseRightShift, exp.AtTimeZone,
        # expressions with syntax of their own
        exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Interval, exp.Extract,
        exp.Substring, exp.Trim, exp.StrPosition, exp.Window, exp.WindowSpec, exp.WithinGroup, exp.IgnoreNulls,
        exp.RespectNulls, exp.Anonymous, exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentUser, exp.SessionUser,
        exp.CurrentSchema, exp.CurrentTime, exp.Localtimestamp, exp.Localtime, exp.Dot, exp.PropertyEQ,
    }
)  # fmt: skip

# Parts that a clause may have; sqlglot's nodes carry those of every dialect.
_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    node: frozenset(parts.split())
    for node, parts in {
        exp.Select: "distinct expressions from_ group having joins limit offset order qualify where with_",
        exp.Table: "this db catalog alias joins",
        exp.Insert: "this expression default",
        exp.Update: "this expressions from_ where with_",
        exp.Delete: "this using where with_",
        exp.Merge: "this using on whens with_",
        exp.When: "matched source condition then",
        exp.Star: "except_",
        exp.Join: "this on using kind side method",
        exp.Group: "expressions cube rollup grouping_sets",
        exp.Window: "this partition_by order spec over",
        exp.WindowSpec: "kind start start_side end end_side",
        exp.Ordered: "this desc nulls_first",
        exp.Order: "expressions",
        exp.Distinct: "expressions",
        exp.With: "expressions recursive",
        exp.CTE: "this alias",
        exp.Subquery: "this alias joins with_ order limit offset",
        exp.Union: "this expression distinct order limit offset with_",
        exp.Except: "this expression distinct order limit offset with_",
        exp.Intersect: "this expression distinct order limit offset with_",
        exp.Values: "expressions alias",
        exp.TableAlias: "this columns",
        exp.Limit: "expression",
        exp.Offset: "expression",
    }.items()
}


def check_tree(tree: exp.Expr) -> None:
    """Raises RedshiftError 0A000 for the first piece of syntax that is not on the list."""
    for node in tree.walk():
        if type(node) not in _NODES:
            raise RedshiftError("0A000", f"{_words(node)} is not supported")
        _check_parts(node)
        _check_place(node)


def _check_parts(node: exp.Expr) -> None:
    allowed = _PARTS.get(type(node))
    if allowed is None:
        return
    for name, value in node.args.items():
        if value and name not in allowed:
            clause = name.strip("_").upper()
            raise RedshiftError("0A000", f"{type(node).__name__.upper()} with {clause} is not supported")


def _words(node: exp.Expr) -> str:
    return f"the syntax {type(node).__name__} ({node.sql()[:60]})"


def _check_place(node: exp.Expr) -> None:
    if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        raise RedshiftError("0A000", "function IF is not supported; use CASE")
    if isinstance(node, exp.Table) and not isinstance(node.this, (exp.Identifier, exp.Anonymous)):
        raise RedshiftError("0A000", f"a table of the form {node.sql()[:60]} is not supported")
    if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
        raise RedshiftError("0A000", "VALUES is supported in INSERT only")
    if isinstance(node, exp.Join) and (
        node.method.upper() not in ("", "NATURAL") or node.kind.upper() in ("SEMI", "ANTI", "ASOF")
    ):
        raise RedshiftError("0A000", f"{node.method or node.kind} JOIN is not supported")
    if isinstance(node, (exp.Union, exp.Except, exp.Intersect)) and node.args.get("by_name"):
        raise RedshiftError("0A000", "BY NAME is not supported")
