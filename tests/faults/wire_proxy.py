"""A TCP proxy before Redshift that can let a request through and lose its answer. It understands nothing: TLS."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.faults.listener import Listener, connected, end

_CHUNK_BYTES = 64 * 1024


class WireProxy:
    """Listens on `port` until closed."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._deaf = threading.Event()
        self._left: int | None = None
        self._open: list[socket.socket] = []
        self._listener = Listener(self._connect)
        self.port = self._listener.port

    def swallow_the_answer(self, request: int) -> None:
        """Of the requests that come from now on, the answer to this one (counted from 1) and all later ones never
        arrive. The driver sends each of its messages at once, so that what is read at once is a request."""
        self._left = request

    def hang_up(self) -> None:
        """Ends all connections, and is a plain proxy again for new ones."""
        connections, self._open = self._open, []
        for one in connections:
            end(one)
        self._left = None
        self._deaf.clear()

    def close(self) -> None:
        self._listener.close()
        self.hang_up()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError), connected(self._target) as server:
            self._open += [client, server]
            answering = threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True)
            answering.start()
            self._pass_on(client, server, False)
            answering.join()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if not answers and self._left is not None:
                    self._left -= 1
                    if self._left == 0:
                        self._deaf.set()
                if not (answers and self._deaf.is_set()):
                    sink.sendall(chunk)
        if answers and self._deaf.is_set():
            return  # not even the end of the connection arrives
        end(source)
        end(sink)
