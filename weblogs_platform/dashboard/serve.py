"""How Streamlit is started: on loopback unless told otherwise, without telemetry, with the project's colours."""

from __future__ import annotations

import sys
from pathlib import Path

from weblogs_platform.dashboard.palette import theme_options

SCRIPT = Path(__file__).with_name("app.py")
_SERVER = Path(__file__).with_name("server.py")

LOOPBACK = "127.0.0.1"

_OPTIONS: dict[str, str] = {
    "browser.serverAddress": LOOPBACK,
    "server.headless": "true",
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    # Its CSV would hand cells that look like formulas to a spreadsheet as they are; the pages have their own.
    "client.disableDataExport": "true",
    "runner.magicEnabled": "false",
    "logger.level": "warning",
}


def command(port: int, script: Path = _SERVER, host: str = LOOPBACK) -> list[str]:
    """The command line that serves the dashboards, or another script in the same way, on `port` of the address `host`.

    Pages of other sites cannot open a session: a browser's Origin has to be the host that it asked.
    """
    options = {**_OPTIONS, "server.address": host, "server.port": str(port), **theme_options()}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(script), *flags]
