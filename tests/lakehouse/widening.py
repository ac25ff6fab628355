"""A stream of the tests alone, which gains columns: one in the middle, one at the end."""

from __future__ import annotations

from dataclasses import replace

from weblogs_platform.core.spec import Double, Field, Integer, StreamSpec, Varchar

PREFIX = "widening"
_PAGE = Field(column="page", type=Varchar(50), path="$.payload.page", required=True, description="The page.")
_AMOUNT = Field(column="amount", type=Double(), path="$.payload.amount", description="Money.")
_COUNTRY = Field(column="country", type=Varchar(20), path="$.payload.country", description="Gained.")
_CLICKS = Field(column="clicks", type=Integer(), path="$.payload.clicks", description="Gained.")


def narrow(name: str) -> StreamSpec:
    """The stream as it was."""
    return StreamSpec(
        name=name,
        landing_prefix=f"firehose/{name}",
        schema="shopware_stream",
        table=f"{name}_stream",
        description="Gains columns.",
        owner="team:web",
        fields=(_PAGE, _AMOUNT),
    )


def wide(name: str) -> StreamSpec:
    """The same with its new columns."""
    return replace(narrow(name), fields=(_PAGE, _COUNTRY, _AMOUNT, _CLICKS))


def without_amount(name: str) -> StreamSpec:
    """One that lost a column."""
    return replace(narrow(name), fields=(_PAGE,))


def with_whole_amounts(name: str) -> StreamSpec:
    """One whose column has another type."""
    return replace(narrow(name), fields=(_PAGE, replace(_AMOUNT, type=Integer())))
