"""Ports on loopback: the one asked for, else the last one, else the preferred one, else any that is free.

A port that was used last time is used again when it is free, so that an environment exported in a shell stays
valid. What is free now can be taken a moment later: whoever starts a server with it tries again.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Container

from weblogs_platform.local.errors import PortTaken

LOOPBACK = "127.0.0.1"

# Below the range that systems take for outgoing connections: nothing lands on these by accident.
_ANY = range(10_000, 32_000)
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is not taken
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(
    name: str,
    *,
    wanted: int | None = None,
    last: int | None = None,
    preferred: int | None = None,
    excluded: Container[int] = (),
) -> int:
    """A free port. Raises PortTaken when `wanted` is not free: a port that was asked for is never replaced."""
    if wanted:
        if wanted in excluded or not is_free(wanted):
            raise PortTaken(f"port {wanted} for {name} is in use; choose another, or leave the option away")
        return wanted
    for port in (last, preferred):
        if port and port not in excluded and is_free(port):
            return port
    return any_free(name, excluded=excluded)


def any_free(name: str, *, excluded: Container[int] = (), companion_offset: int = 0) -> int:
    """A random free port; with an offset, the port that far above is free too (and below 65,536)."""
    candidates = random.Random()  # noqa: S311 - not a secret: spreads processes that start together
    for _ in range(_ATTEMPTS):
        port = candidates.choice(_ANY)
        if port in excluded or port + companion_offset in excluded or port + companion_offset not in _ANY:
            continue
        if is_free(port) and (not companion_offset or is_free(port + companion_offset)):
            return port
    raise PortTaken(f"no free port for {name} between {_ANY.start} and {_ANY.stop - 1} on {LOOPBACK}")


def accepts(port: int, timeout_secs: float = 1.0) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_secs):
            return True
    except OSError:
        return False
