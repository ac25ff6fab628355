"""Small sums over the rows of a query. Pure: frames in, frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from weblogs_platform.dashboard.view import Dates


def narrowed(rows: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    """The rows whose columns have the chosen values; an empty one chooses nothing."""
    for column, value in chosen.items():
        if value:
            rows = rows[rows[column].astype(str) == value]
    return rows


def summed(rows: pd.DataFrame, by: str, *values: str) -> pd.DataFrame:
    """Sums of the values by a column, the largest of the first value first."""
    sums = rows.groupby(by, as_index=False, sort=True)[list(values)].sum()
    return sums.sort_values([values[0], by], ascending=[False, True], ignore_index=True)


def filled(rows: pd.DataFrame, dates: Dates, series: str | None, values: Sequence[str]) -> pd.DataFrame:
    """Sums by `period` and series, with 0 for the periods that have none: a gap would look like a straight line."""
    periods = pd.date_range(
        dates.start, dates.until, freq="h" if dates.hourly else "D", inclusive="left", unit="us"
    )
    times = rows.assign(period=pd.to_datetime(rows["period"]).astype("datetime64[us]"))
    if series is None:
        sums = times.groupby("period")[list(values)].sum().reindex(periods, fill_value=0)
        return sums.rename_axis("period").reset_index()
    names = summed(times, series, *values)[series].tolist()
    every = pd.MultiIndex.from_product([periods, names], names=["period", series])
    return times.groupby(["period", series])[list(values)].sum().reindex(every, fill_value=0).reset_index()
