"""What several pages draw alike."""

from __future__ import annotations

from weblogs_platform.dashboard.charts import Measure

REVENUE, UNITS = Measure("revenue", "Revenue"), Measure("units", "Units")
TOP = 15
"""Of many products, so many are drawn."""
MOST_PRODUCTS = 2000
"""So many stand in the table."""
