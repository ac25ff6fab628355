"""Charts, as they are handed to the browser."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from weblogs_platform.dashboard import charts
from weblogs_platform.dashboard.charts import MOST_KINDS, Measure, Pick


@pytest.mark.parametrize(
    ("names", "mark", "drawn", "said"),
    [
        (3, "arc", 3, []),
        (MOST_KINDS, "arc", MOST_KINDS, []),
        (1200, "bar", MOST_KINDS, ["The first 8 of 1,200; the filter above has all of them."]),
    ],
)
def test_kinds_that_anybody_may_send(
    monkeypatch: pytest.MonkeyPatch, names: int, mark: str, drawn: int, said: list[str]
) -> None:
    """A thousand made-up devices are a chart of a kilometre, or the shares of eight are those of a whole."""
    shown: list[Any] = []
    captions: list[str] = []
    monkeypatch.setattr(charts.st, "session_state", {})
    monkeypatch.setattr(charts.st, "altair_chart", lambda chart, **_: shown.append(chart.to_dict()))
    monkeypatch.setattr(charts.st, "caption", captions.append)
    rows = pd.DataFrame({"device": [f"d{n}" for n in range(names)], "events": range(names, 0, -1)})
    pick = Pick("device", "", lambda _: None)
    charts.kinds(rows, "device", Measure("events", "Events"), pick, alt_text="Events by device", shares=True)
    [chart] = shown
    marks = [layer["mark"]["type"] for layer in chart.get("layer", [chart])]
    assert marks[0] == mark
    assert [len(data) for data in chart["datasets"].values()] == [drawn]
    assert captions == said
