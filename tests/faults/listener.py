"""Where a proxy of the campaign listens: each connection is served in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Listener:
    """Listens on a free `port` of loopback until closed; connections that are open then go on."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        end(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            _at_once(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()


def connected(target: tuple[str, int]) -> socket.socket:
    """A connection to whom the proxy stands before."""
    return _at_once(socket.create_connection(target))


def _at_once(connection: socket.socket) -> socket.socket:
    # What comes in pieces is passed on in pieces: each would wait for the other side to say that it has the one before.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def end(connection: socket.socket) -> None:
    """Ends it for both sides, and for the thread that waits on it: closing alone would not."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
