"""What stands in front of Streamlit: its files from memory, its code named in time, and the browser's word on cards."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest
import streamlit as st

from weblogs_platform.dashboard import shown
from weblogs_platform.dashboard.assets import FOLDER, Assets, link_header


async def _streamlit(_scope: Any, _receive: Any, send: Any) -> None:
    """Answers everything with a document."""
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"a document"})


def _get(path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": given}
    asyncio.run(Assets(_streamlit)(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


def test_a_static_file_is_answered_whole_and_may_be_kept() -> None:
    file = min((FOLDER / "static" / "js").glob("index.*.js"))
    status, headers, body = _get(f"/static/js/{file.name}")
    assert (status, body) == (200, file.read_bytes())
    assert headers["content-length"] == str(len(body))
    assert "javascript" in headers["content-type"]
    assert "immutable" in headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/static/js/none.js", "/static/js/..", "/static/js/../../index.html", "/static/js/a\n", "/sales"]
)
def test_everything_else_is_streamlits(path: str) -> None:
    """A file outside of the folder is served, or the pages are not."""
    assert _get(path)[2] == b"a document"


def test_a_part_of_a_file_is_streamlits() -> None:
    file = min((FOLDER / "static" / "js").glob("index.*.js"))
    assert _get(f"/static/js/{file.name}", range="bytes=0-9")[2] == b"a document"


def test_a_document_names_code_that_is_there() -> None:
    """A new version of Streamlit names its files in another way, and nobody sees that pages became slow."""
    names = re.findall(r"</static/js/([^>]+)>; rel=modulepreload", _get("/")[1]["link"])
    assert all((FOLDER / "static" / "js" / name).is_file() for name in names)
    assert len(names) == len(set(names))
    for component in ("Html", "PageLink", "DateInput", "ButtonGroup", "Selectbox", "Spinner", "Metric"):
        assert any(name.startswith(f"{component}.") for name in names), component
    assert link_header(["NoSuchComponent"]) == ""


def test_charts_wait_for_the_browser_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards are seen after the charts; or every interaction waits."""
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(shown, "PATIENCE_SECS", 60.0)
    style = shown.style()
    assert shown.style() == style  # the same until it has told
    url = re.findall(r'url\("([^"]+)"\)', style)[0]
    waiting = threading.Thread(target=shown.wait, daemon=True)
    waiting.start()
    assert _get("/shown/another")[0] == 204
    assert waiting.is_alive()
    assert _get(url)[0] == 204
    waiting.join(30)
    assert not waiting.is_alive()
    assert shown.style() == ""
    shown.wait()


def test_a_browser_that_never_tells_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(shown, "PATIENCE_SECS", 0.0)
    shown.style()
    shown.wait()
    monkeypatch.setattr(shown, "PATIENCE_SECS", 60.0)
    shown.wait()
    assert shown.style() == ""
