"""The little that Streamlit's theme cannot say: less empty space, and cards that share a row on a phone."""

from __future__ import annotations

STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 2.2rem; padding-bottom: 3rem; max-width: 1400px; }
.st-key-cards > * { min-width: 150px; flex: 1 1 150px; }
.st-key-filters > * { min-width: 130px; }
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; font-size: 1.75rem; }
h1 { font-size: 1.9rem !important; }
h3 { font-size: 1.1rem !important; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  [data-testid="stMetricValue"] { font-size: 1.4rem; }
}
</style>"""
