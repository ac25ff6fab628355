"""The one place of the asset layer that tries again: Transient errors, a bounded number of times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from weblogs_platform.core.errors import Transient

T = TypeVar("T")


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before each further attempt; one attempt more than there are delays."""

    delays_secs: tuple[float, ...] = (0.5, 2.0)
    sleep: Callable[[float], None] = time.sleep

    def call(self, work: Callable[[], T], on_retry: Callable[[Transient, float], None]) -> T:
        """The result of `work`. Terminal errors, and the last Transient one, come through as they are."""
        for delay in self.delays_secs:
            try:
                return work()
            except Transient as error:
                on_retry(error, delay)
                self.sleep(delay)
        return work()
