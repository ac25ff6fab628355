"""Streamlit's own code, as the browser needs it for a first visit: from memory, and named before it is asked for.

Streamlit answers each of some hundred small files through several threads and layers while the same interpreter makes
the page; here each is one answer from memory. And a browser learns of the code of a control only when the control
arrives; the header `Link` of a document names what every page has above its charts, so that it is there by then.
A name that this version of Streamlit doesn't have is left out: the page is then slower, and right.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import streamlit

from weblogs_platform.dashboard import shown

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = Path(streamlit.__file__).parent / "static"
_EVERYWHERE = ("index", "Html", "PageLink", "DateInput", "ButtonGroup", "Selectbox", "Spinner", "Metric")
"""The code of what stands above the charts of every page, as Streamlit names its files."""
_IMPORTED = re.compile(rb"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")
_ASSET = re.compile(r"/static/(?:js|css|media)/[\w.-]+", re.ASCII)


class Assets:
    """Middleware in front of Streamlit: answers its static files, and adds `Link` to its documents."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._link = link_header(_EVERYWHERE).encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        if shown.told(scope["path"]):
            await _answer(send, 204, [(b"cache-control", b"no-store")], b"")
            return
        kept = _asset(scope["path"]) if _ASSET.fullmatch(scope["path"]) else None
        if kept is None or any(name == b"range" for name, _ in scope["headers"]):
            await self.app(scope, receive, self._linking(send))
            return
        await _answer(send, 200, *kept)

    def _linking(self, send: Send) -> Send:
        async def linking(message: Message) -> None:
            if message["type"] == "http.response.start" and self._link:
                headers = list(message["headers"])
                if any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers):
                    message = {**message, "headers": [*headers, (b"link", self._link)]}
            await send(message)

        return linking


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=400)
def _asset(path: str) -> tuple[list[tuple[bytes, bytes]], bytes] | None:
    file = FOLDER / PurePosixPath(path).relative_to("/")
    if not file.is_file():
        return None
    body = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return [
        (b"content-type", kind.encode("ascii")),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"cache-control", b"public, immutable, max-age=31536000"),
    ], body


def link_header(names: Iterable[str]) -> str:
    """`Link` for the files of these components and all that they import; empty when there are none."""
    folder = FOLDER / "static" / "js"
    found: dict[str, None] = {}
    for component in names:
        wanted = [file.name for file in sorted(folder.glob(f"{component}.*.js"))]
        while wanted:
            name = wanted.pop(0)
            if name not in found and (folder / name).is_file():
                found[name] = None
                wanted += [one.decode("ascii") for one in _IMPORTED.findall((folder / name).read_bytes())]
    return ", ".join(f"</static/js/{name}>; rel=modulepreload" for name in found)
