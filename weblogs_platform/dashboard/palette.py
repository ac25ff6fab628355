"""Colours: one for each series, readable on light and on dark, and told apart by colour-blind eyes too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

SERIES = ("#3b7dd8", "#e07b39", "#2a9d8f", "#b657a8", "#c9a227", "#7a6ff0", "#d1495b", "#6c8ea4")
"""For categories, in their order."""
MAIN = SERIES[0]
GOOD, WARN, BAD = "#2a9d8f", "#c9a227", "#d1495b"

_FIXED = {
    "Unknown": "#8a8f98",
    "IN_STOCK": GOOD,
    "LOW_STOCK": WARN,
    "OUT_OF_STOCK": BAD,
    "loaded": GOOD,
    "quarantined": BAD,
    "dropped": "#8a8f98",
    "discarded": "#6c8ea4",
}
_KNOWN = (
    ("Chrome", "Firefox", "Edge", "Safari"),
    ("View", "Click", "Scroll"),
    ("Desktop", "Mobile", "Tablet"),
    ("Email", "App", "Phone"),
    ("Feedback", "Complaint", "Loyalty"),
    ("HIGH_VALUE", "MEDIUM_VALUE", "LOW_VALUE"),
)
_OF_KNOWN = {name: SERIES[number] for names in _KNOWN for number, name in enumerate(names)} | _FIXED


def scale(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """(domain, range): a name keeps its colour whatever the filters leave of the others."""
    domain = list(names)
    unknown = [name for name in domain if name not in _OF_KNOWN]
    free = _free([_OF_KNOWN[name] for name in domain if name in _OF_KNOWN])
    own = {name: free[number % len(free)] for number, name in enumerate(unknown)}
    return domain, [_OF_KNOWN.get(name) or own[name] for name in domain]


def _free(taken: Sequence[str]) -> list[str]:
    return [color for color in SERIES if color not in taken] or list(SERIES)


def theme_options() -> dict[str, str]:
    """Streamlit's theme, for light and for dark; which one is the reader's own choice."""
    return {
        "theme.baseRadius": "0.5rem",
        "theme.showWidgetBorder": "true",
        "theme.chartCategoricalColors": json.dumps(SERIES),
        "theme.light.primaryColor": "#1f5fb8",
        "theme.light.linkColor": "#1f5fb8",
        "theme.light.backgroundColor": "#ffffff",
        "theme.light.secondaryBackgroundColor": "#f3f5f8",
        "theme.light.textColor": "#1b2330",
        "theme.dark.primaryColor": "#7fb2ff",
        "theme.dark.linkColor": "#8fbcff",
        "theme.dark.backgroundColor": "#11161d",
        "theme.dark.secondaryBackgroundColor": "#1b222c",
        "theme.dark.textColor": "#e8edf4",
    }
