"""A TCP proxy on loopback that breaks connections where a test wants them broken. Nothing in between is understood."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

_CHUNK_BYTES = 16 * 1024


class CuttingProxy:
    """Passes connection number i on to the target, and ends it after `cuts[i]` bytes of the answers. Connections
    beyond the list live on."""

    def __init__(self, target: tuple[str, int], cuts: Iterable[int]) -> None:
        self._target, self._cuts = target, list(cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        """Accepts until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            cut = self._cuts[self.connections] if self.connections < len(self._cuts) else None
            self.connections += 1
            server = socket.create_connection(self._target)
            self._open += [client, server]
            for source, sink, limit in ((client, server, None), (server, client, cut)):
                threading.Thread(target=_pass_on, args=(source, sink, limit), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            _end(one)
            one.close()


def _pass_on(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
    left = math.inf if limit is None else limit
    try:
        while left > 0 and (chunk := source.recv(int(min(left, _CHUNK_BYTES)))):
            sink.sendall(chunk)
            left -= len(chunk)
    except OSError:
        pass
    _end(source)
    _end(sink)


def _end(connection: socket.socket) -> None:
    """Ends it for both sides, and for the thread that waits on it: closing alone would not."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_proxy(target: tuple[str, int], cuts: Iterable[int]) -> Iterator[CuttingProxy]:
    """A proxy that serves while the block runs."""
    proxy = CuttingProxy(target, cuts)
    accepting = threading.Thread(target=proxy.serve)
    accepting.start()
    try:
        yield proxy
    finally:
        proxy.close()
        accepting.join()
