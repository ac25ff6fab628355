"""Named places in the steps at which a fault can be made to happen, so that tests can prove what it leaves behind.

`reach(name)` does nothing unless this process was armed; a run is armed in the local environment only, when
WEBLOGS_FAILPOINT names a place (see `settings.py`). Names are `<step>:<what is done by then>`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from weblogs_platform.core.errors import InvalidSettings

Action = Callable[[str], None]

_armed: list[Action] = []


def reach(name: str) -> None:
    """Says that the process has come to the place of that name."""
    for action in _armed:
        action(name)


def arm(action: Action) -> None:
    """From now on `action` is called with the name of each place that this process reaches. The first one stays."""
    if not _armed:
        _armed.append(action)


class Kill:
    """Kills this process as `kill -9` does when it comes to a place: `load:copied`, or for the third time:
    `load:copied*3`. Raises InvalidSettings when the text is neither."""

    def __init__(self, text: str) -> None:
        self._name, _, times = text.partition("*")
        if not self._name or not (times or "1").isdecimal():
            raise InvalidSettings(f"WEBLOGS_FAILPOINT must be a name, or a name*times, got {text!r}")
        self._left = int(times or "1")

    def __call__(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
