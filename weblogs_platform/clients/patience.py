"""How long the content of one object may take to arrive.

A socket's time-out bounds silence: a byte now and then keeps a read alive for ever. So the waits for an object's
content are added up, and what is left of the patience runs out in the middle of a read too. The time between reads,
in which the content is worked on, does not count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

_AT_ONCE_SECS = 0.001


@dataclass(frozen=True)
class SlowestRead:
    """An object of n bytes has `base_secs + n / bytes_per_sec` seconds. As they are, one of 128 MiB, the most that
    Firehose collects, has ten minutes."""

    base_secs: float = 60.0
    bytes_per_sec: int = 256 * 1024

    def of(self, size_bytes: int) -> Patience:
        """The patience for one object of that size."""
        return Patience(self.base_secs + size_bytes / self.bytes_per_sec)


class Patience:
    """What is left of the time for one object. `is_over` once a read was cut short, or should not begin."""

    def __init__(self, secs: float) -> None:
        self.secs = secs
        self._left = secs

    @property
    def is_over(self) -> bool:
        return self._left <= 0

    @contextmanager
    def reading(self, body: Any) -> Generator[None]:
        """Counts the block's time. When no time is left, the next bytes that `body` (botocore's StreamingBody) waits
        for make its read raise as for silence."""
        timer = threading.Timer(max(0.0, self._left), _give_up, (body,))
        timer.daemon = True
        began = time.monotonic()
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._left -= time.monotonic() - began


def _give_up(body: Any) -> None:
    # A body that has just ended has no socket any more.
    with suppress(AttributeError, OSError, ValueError):
        body.set_socket_timeout(_AT_ONCE_SECS)
