"""Tables: columns named in plain words with their definitions, and the same rows as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from weblogs_platform.dashboard.personal import HIDDEN, is_open
from weblogs_platform.dashboard.words import NONE, cell, label

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal[
    "text", "word", "count", "money", "decimal", "percent", "time", "day", "link", "yes", "id", "personal"
]
MOST_ROWS = 500
_NUMBERS: dict[Kind, str] = {
    "count": "localized",
    "money": "accounting",
    "decimal": "%.2f",
    "percent": "%.1f %%",
    "id": "%d",
}


@dataclass(frozen=True)
class Column:
    """How a column is shown. `help` is its definition."""

    title: str
    kind: Kind = "text"
    help: str | None = None


def table(rows: pd.DataFrame, columns: Mapping[str, Column], name: str, *, most: int = MOST_ROWS) -> None:
    """The named columns of the rows in their order, and a button that downloads them as `name`.csv. `most` is how many
    rows the query gives at most: when there are so many, there may be more."""
    shown = rows[list(columns)].copy()
    for column, how in columns.items():
        if how.kind == "personal":
            shown[column] = shown[column].map(str, na_action="ignore") if is_open() else HIDDEN
        elif how.kind == "word":
            shown[column] = shown[column].map(label)
        elif how.kind in ("count", "id"):
            shown[column] = whole_numbers(shown[column])
    st.dataframe(
        shown,
        hide_index=True,
        height="auto",
        column_config={name: _config(how) for name, how in columns.items()},
        placeholder=NONE,
        alt=f"Table: {name.replace('-', ' ')}",
    )
    st.download_button(
        "Download as CSV",
        data=csv_of(shown, {column: how.title for column, how in columns.items()}),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"csv.{name}",
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
        help=f"These {len(shown):,} rows, as {name}.csv",
    )
    if len(shown) >= most:
        st.caption(f"The first {most:,} rows are shown; choose fewer days or a filter to see others.")


def whole_numbers(numbers: pd.Series) -> pd.Series:
    """Integers, where a missing one had made floats of them all."""
    known = numbers.dropna()
    return numbers.astype("Int64") if numbers.dtype.kind == "f" and (known % 1 == 0).all() else numbers


def csv_of(rows: pd.DataFrame, titles: Mapping[str, str]) -> bytes:
    """The rows as CSV with a header, UTF-8 with the mark that spreadsheets look for."""
    safe = rows.map(cell).rename(columns=dict(titles))
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def _config(how: Column) -> Any:
    if how.kind in _NUMBERS:
        return st.column_config.NumberColumn(how.title, help=how.help, format=_NUMBERS[how.kind])
    kinds: dict[Kind, Any] = {
        "time": partial(st.column_config.DatetimeColumn, format="YYYY-MM-DD HH:mm"),
        "day": partial(st.column_config.DateColumn, format="YYYY-MM-DD"),
        "link": partial(st.column_config.LinkColumn, display_text="open"),
        "yes": st.column_config.CheckboxColumn,
    }
    return kinds.get(how.kind, st.column_config.TextColumn)(how.title, help=how.help)
