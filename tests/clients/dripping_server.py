"""An HTTP server on loopback whose answers come a byte now and then: never silent for long, and never done."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PACE_SECS = 0.02


class DrippingServer:
    """Answers every request with `size_bytes` to come. `hangs_up_after`: bytes after which a connection ends."""

    def __init__(self, size_bytes: int, hangs_up_after: int | None) -> None:
        self._size, self._hangs_up_after = size_bytes, hangs_up_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def serve(self) -> None:
        """Accepts until closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._drip, args=(client,)))
            self._threads[-1].start()

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _drip(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(64 * 1024)
            client.sendall(f'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: {self._size}\r\n\r\n'.encode())
            sent = 0
            while sent != self._hangs_up_after and not self._closing.wait(_PACE_SECS):
                client.sendall(b"x")
                sent += 1


@contextmanager
def dripping_server(size_bytes: int, hangs_up_after: int | None = None) -> Iterator[DrippingServer]:
    """One that serves while the block runs."""
    server = DrippingServer(size_bytes, hangs_up_after)
    accepting = threading.Thread(target=server.serve)
    accepting.start()
    try:
        yield server
    finally:
        server.close()
        accepting.join()
