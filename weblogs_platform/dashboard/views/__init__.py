"""The pages, in the order of the navigation."""

from __future__ import annotations

from weblogs_platform.dashboard.page import PageSpec
from weblogs_platform.dashboard.views import health, interactions, inventory, sales, stores, web_traffic

PAGES: tuple[PageSpec, ...] = (
    web_traffic.PAGE,
    interactions.PAGE,
    sales.PAGE,
    stores.PAGE,
    inventory.PAGE,
    health.PAGE,
)
