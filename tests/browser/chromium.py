"""Headless Chromium of the machine, through playwright; nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",  # as root, Chromium has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",  # everything is on loopback
)
_PATIENCE_MS = 45_000
"""A page may take long where two cores share a browser, a stack and its runs; a right one never waits."""


def chromium_path() -> str | None:
    """Where Chromium is on this machine; None when it is not."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. Raises FileNotFoundError without one on PATH."""
    path = chromium_path()
    if path is None:
        raise FileNotFoundError(f"no {_NAMES[0]} on PATH")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, width: int = 2000, height: int = 1000, scale: float = 1.0) -> Iterator[Page]:
    """A page with nothing remembered, in UTC."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        timezone_id="UTC",
        locale="en-GB",
    )
    context.set_default_timeout(_PATIENCE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()
