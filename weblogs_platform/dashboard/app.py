"""The script that Streamlit runs for every interaction: navigation, and the page that the address names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.dashboard import page, personal, shown, states
from weblogs_platform.dashboard.page import PageSpec
from weblogs_platform.dashboard.style import ICON, STYLE
from weblogs_platform.dashboard.views import PAGES
from weblogs_platform.settings import DashboardSettings


def main() -> None:
    st.set_page_config(page_title="Weblogs", page_icon=ICON, layout="wide")
    st.html(STYLE + shown.style())
    pages = {spec.path: st.Page(_drawing(spec), title=spec.title, icon=spec.icon, url_path=spec.path, default=n == 0)
             for n, spec in enumerate(PAGES)}  # fmt: skip
    chosen = st.navigation(list(pages.values()), position="hidden")
    with st.sidebar:
        _navigate(pages)
        with states.guarded():
            personal.sidebar(_unlock_code())
    chosen.run()


def _navigate(pages: Mapping[str, Any]) -> None:
    """Links to the pages; the days go along."""
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    along = page.dates_of(query)
    st.markdown("**Weblogs**")
    for one in pages.values():
        st.page_link(one, query_params=along, width="stretch")
    st.caption("All times are UTC. Figures are read anew after half a minute.")


def _unlock_code() -> str | None:
    try:
        return DashboardSettings.from_env().unlock_code
    except InvalidSettings:
        return None  # the page says what is missing


def _drawing(spec: PageSpec) -> Callable[[], None]:
    def draw() -> None:
        page.draw(spec)

    draw.__name__ = spec.path.replace("-", "_")
    return draw


main()
