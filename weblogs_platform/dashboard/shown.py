"""Whether the browser shows the cards of a page, so that the code of charts does not come before them.

That code keeps a browser busy for most of half a second, and React holds back what has just been loaded for as long
as new places to load appear: sent together, the cards are seen after the charts. So the first run of a session
waits after its cards until the browser asks for the background of one, which it does when it draws it, and not
longer than `PATIENCE_SECS`. Later runs wait for nothing: the browser has the code.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import streamlit as st

PATIENCE_SECS = 1.0
_KEY = "cards.shown"
_PREFIX = "/shown/"
_waiting: WeakValueDictionary[str, _Asked] = WeakValueDictionary()
"""By their tokens, as long as their sessions live."""


@dataclass(frozen=True, eq=False)
class _Asked:
    token: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    answered: threading.Event = field(default_factory=threading.Event)


def style() -> str:
    """What makes the browser tell; empty when it has told, or did not in time."""
    asked: _Asked = st.session_state.setdefault(_KEY, _Asked())
    if asked.answered.is_set():
        return ""
    _waiting[asked.token] = asked
    return (
        f'<style>[data-testid="stMetricValue"] {{ background-image: url("{_PREFIX}{asked.token}"); }}</style>'
    )


def wait() -> None:
    """Returns when the browser shows cards, or has not said so in time; at once when it was asked before."""
    asked: _Asked | None = st.session_state.get(_KEY)
    if asked is not None and not asked.answered.is_set():
        asked.answered.wait(PATIENCE_SECS)
        asked.answered.set()


def told(path: str) -> bool:
    """Takes what the browser asks for; False when that is something else."""
    asked = _waiting.get(path.removeprefix(_PREFIX))
    if asked is not None:
        asked.answered.set()
    return path.startswith(_PREFIX)
