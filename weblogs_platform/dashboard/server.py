"""What Streamlit serves: the script, behind the middleware of its assets."""

from __future__ import annotations

from starlette.middleware import Middleware
from streamlit import App

from weblogs_platform.dashboard.assets import Assets
from weblogs_platform.dashboard.serve import SCRIPT

app = App(SCRIPT, middleware=[Middleware(Assets)])
