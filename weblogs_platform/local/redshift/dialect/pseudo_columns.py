"""`"$path"` and `"$size"` of external tables: a query that names one gets both, and `*` stays without them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from sqlglot import exp

PSEUDO_COLUMNS = ("$path", "$size")


def names_pseudo_column(tree: exp.Expr) -> bool:
    """Whether the query names one anywhere."""
    return any(column.name in PSEUDO_COLUMNS for column in tree.find_all(exp.Column))


def hide_from_stars(tree: exp.Expr, tables: AbstractSet[int]) -> None:
    """Excludes them from every `*` and `t.*` that covers one of these (external) tables, given as their nodes' ids."""
    for select in tree.find_all(exp.Select):
        sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
        external = {
            source.this.alias_or_name
            for source in sources
            if source is not None and id(source.this) in tables
        }
        if external:
            for projection in select.expressions:
                _hide(projection, external)


def _hide(projection: exp.Expr, external: set[str]) -> None:
    qualified = isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star)
    star = projection.this if qualified else projection
    if isinstance(star, exp.Star) and (not qualified or projection.text("table") in external):
        hidden = [exp.to_identifier(name, quoted=True) for name in PSEUDO_COLUMNS]
        star.set("except_", [*(star.args.get("except_") or ()), *hidden])
