"""What a page says when it cannot show figures, and what to do about it: never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from weblogs_platform.core.errors import (
    AccessRefused,
    InvalidSettings,
    LoadConflict,
    StatementRefused,
    WarehouseUnavailable,
    WeblogsError,
)
from weblogs_platform.dashboard.queries import TooManyRows

_MISSING = ("42P01", "3F000", "42703")
_LOGIN = ("(28", "28000", "28P01")


@dataclass(frozen=True)
class Trouble:
    """What happened and what to do, in words."""

    title: str
    remedy: str


def trouble(error: WeblogsError) -> Trouble:
    """The words for an error of the platform."""
    if isinstance(error, WarehouseUnavailable):
        return Trouble(
            "The warehouse does not answer",
            "Start it with `weblogs up` (or check the cluster), then try again.",
        )
    if isinstance(error, InvalidSettings):
        return Trouble(
            "The settings are not complete", "Start the stack with `weblogs up`, or set what is named below."
        )
    if isinstance(error, StatementRefused) and any(state in str(error) for state in _MISSING):
        return Trouble("Tables are missing", "Create them with `weblogs init`, then try again.")
    if isinstance(error, AccessRefused) and any(state in str(error) for state in _LOGIN):
        return Trouble(
            "The warehouse refuses the dashboards' login",
            "Check `WEBLOGS_DASHBOARD_USER` and `WEBLOGS_DASHBOARD_PASSWORD`, or start the stack again with `weblogs up`.",
        )
    if isinstance(error, AccessRefused):
        return Trouble(
            "The dashboards' user may not read a table",
            "Grant it with `weblogs init`, then try again. Both go by the setting `dashboard.reads`: it must be the same.",
        )
    if isinstance(error, TooManyRows):
        return Trouble("This is too much to add up", "Choose fewer days, or a filter.")
    if isinstance(error, LoadConflict):
        return Trouble("The warehouse took too long", "Choose fewer days, or try again in a moment.")
    return Trouble(
        "The warehouse refused a query", "Run `weblogs init` so that the tables are those of this version."
    )


@contextmanager
def guarded() -> Iterator[None]:
    """Shows errors of the platform instead of raising them."""
    try:
        yield
    except WeblogsError as error:
        show(error)


def show(error: WeblogsError) -> None:
    """An error with its remedy, the warehouse's own words folded away, and a button to try again."""
    found = trouble(error)
    st.error(f"**{found.title}.** {found.remedy}", icon=":material/error:")
    st.button("Try again", type="primary", key=f"again.{found.title}")
    with st.expander("What it answered"):
        st.code(str(error), language=None, wrap_lines=True)
