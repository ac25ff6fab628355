"""Customers' ids and messages: hidden until a session gives the code of WEBLOGS_DASHBOARD_UNLOCK.

Hidden means that they do not leave the warehouse. The code stands in no address and no cookie; it is compared in
constant time, and all sessions together have ten tries a minute.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections import deque
from dataclasses import dataclass, field

import streamlit as st

HIDDEN = "hidden"
_OPEN, _CODE, _ANSWER = "personal.open", "personal.code", "personal.answer"
_TRIES, _WITHIN_SECS = 10, 60.0


@dataclass
class Gate:
    """Counts tries of the last minute."""

    tries: deque[float] = field(default_factory=deque)
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def opens(self, given: str, code: str, now: float) -> bool | None:
        """Whether the code is right; None when there were too many tries."""
        with self.mutex:
            while self.tries and self.tries[0] <= now - _WITHIN_SECS:
                self.tries.popleft()
            if len(self.tries) >= _TRIES:
                return None
            self.tries.append(now)
        return hmac.compare_digest(given.encode("utf-8", "replace"), code.encode())


def is_open() -> bool:
    """Whether this session may see personal data."""
    return st.session_state.get(_OPEN) is True


def sidebar(code: str | None) -> None:
    """Offers to open and to close them; nothing when there is no code."""
    if code is None:
        return
    if is_open():
        st.caption("Customers' ids and messages are shown in this session.")
        st.button("Hide them again", on_click=_close)
        return
    with st.expander("Customers' ids and messages"), st.form("personal", border=False, clear_on_submit=True):
        st.text_input("Code", type="password", key=_CODE, autocomplete="off")
        st.form_submit_button("Show them in this session", on_click=_try, args=(code,))
    answer = st.session_state.pop(_ANSWER, None)
    if answer:
        st.warning(answer)


def _try(code: str) -> None:
    opened = _gate().opens(st.session_state.get(_CODE, ""), code, time.monotonic())
    st.session_state[_OPEN] = opened is True
    if opened is None:
        st.session_state[_ANSWER] = "Too many tries: wait a minute."
    elif not opened:
        st.session_state[_ANSWER] = "That is not the code."


def _close() -> None:
    st.session_state[_OPEN] = False


@st.cache_resource(show_spinner=False)
def _gate() -> Gate:
    return Gate()
