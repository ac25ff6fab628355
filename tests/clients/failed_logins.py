"""The driver leaves the socket of a failed login to the garbage collector; warnings are errors in tests."""

from __future__ import annotations

import gc
import warnings


def collect_failed_logins() -> None:
    """Collects such sockets here and now, so that no later test is blamed. Call it without a reference to the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
