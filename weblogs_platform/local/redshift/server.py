"""The server: accepts connections on loopback, a thread for each, and a watchdog over their sessions.

A client that misbehaves costs its own connection only. `stop` ends what runs, rolls back what is open, checkpoints.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import secrets
import select
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weblogs_platform.local.redshift.backend import Backend
from weblogs_platform.local.redshift.config import ServerConfig
from weblogs_platform.local.redshift.connection import Conversation
from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.login import CancelKey, Login, log_in, refuse, welcome
from weblogs_platform.local.redshift.protocol import Disconnected
from weblogs_platform.local.redshift.session import Session

_LOG = logging.getLogger(__name__)
_WATCH_SECS = 0.2
_GONE_EVENTS = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_SHUTDOWN = RedshiftError("57P01", "terminating connection due to administrator command")


@dataclass
class _Client:
    session: Session
    socket: socket.socket
    secret: int

    def gone(self) -> bool:
        """Whether the other end has closed, as far as the system tells without reading."""
        poll = select.poll()
        try:
            poll.register(self.socket.fileno(), _GONE_EVENTS)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True


class Server:
    """Serves until `stop`. `port` is known after construction."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls.load_cert_chain(config.certificate, config.private_key)
        self._backend = Backend.open(config)
        self._listener = socket.create_server((config.host, config.port), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._clients: dict[int, _Client] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._mutex = threading.Lock()
        self._process_ids = itertools.count(1000)
        self._stopping = threading.Event()
        self._threads: set[threading.Thread] = set()

    def serve(self) -> None:
        """Accepts until `stop` is called, then ends every connection and closes the database."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        self._announce()
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            self._start(connection)
        self._shut_down()

    def stop(self) -> None:
        """May be called from a signal handler or another thread; `serve` returns soon after."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _announce(self) -> None:
        ready = {"host": self._config.host, "port": self.port, "pid": os.getpid()}
        _LOG.info("serving database %s on %s:%s", self._config.database_name, self._config.host, self.port)
        if self._config.ready_file is not None:
            write_ready_file(self._config.ready_file, ready)

    def _start(self, connection: socket.socket) -> None:
        process_id = next(self._process_ids)
        with self._mutex:
            self._sockets[process_id] = connection
            crowded = len(self._sockets) > self._config.max_connections
        arguments = (connection, process_id, crowded)
        thread = threading.Thread(
            target=self._client, args=arguments, name=f"client-{process_id}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _client(self, connection: socket.socket, process_id: int, crowded: bool) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._converse(connection, process_id, crowded=crowded)
        except (Disconnected, OSError) as error:
            _LOG.debug("client %s: %s", process_id, error)
        except Exception:  # noqa: BLE001 - whatever one client brings about must not end the others
            _LOG.exception("client %s: the connection failed", process_id)
        finally:
            with self._mutex:
                ended = self._sockets.pop(process_id, connection)
            with suppress(OSError):
                ended.close()
            connection.close()
            self._threads.discard(threading.current_thread())

    def _converse(self, connection: socket.socket, process_id: int, *, crowded: bool) -> None:
        login = log_in(connection, self._config, self._tls, self._cancel)
        if login is None:
            return
        with self._mutex:
            self._sockets[process_id] = login.wire.socket
        if crowded:
            refuse(login.wire, RedshiftError("53300", "too many connections"))
            return
        login.wire.socket.settimeout(None)
        session = Session(self._backend, login.user, process_id)
        client = _Client(session, login.wire.socket, secrets.randbits(32))
        with self._mutex:
            self._clients[process_id] = client
        try:
            application = login.options.get("application_name", "")
            session.settings.set("application_name", application)
            welcome(login, CancelKey(process_id, client.secret), application)
            self._talk(login, session)
        finally:
            with self._mutex:
                del self._clients[process_id]
            session.close()

    def _talk(self, login: Login, session: Session) -> None:
        try:
            Conversation(login.wire, session, login.protocol_version).run()
        except RedshiftError as error:  # not even a message: nothing that follows could be understood
            refuse(login.wire, error)

    def _cancel(self, key: CancelKey) -> None:
        with self._mutex:
            client = self._clients.get(key.process_id)
        if client is not None and secrets.compare_digest(str(client.secret), str(key.secret & 0xFFFFFFFF)):
            client.session.cancel(RedshiftError("57014", "Query cancelled on user's request"))

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_SECS):
            with self._mutex:
                clients = list(self._clients.values())
            for client in clients:
                client.session.watch(client.gone)

    def _shut_down(self) -> None:
        with self._mutex:
            clients, sockets = list(self._clients.values()), list(self._sockets.values())
        for client in clients:
            client.session.cancel(_SHUTDOWN)
        for connection in sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(timeout=10)
        self._backend.close()
        if self._config.ready_file is not None:
            self._config.ready_file.unlink(missing_ok=True)


def write_ready_file(path: Path, content: dict[str, object]) -> None:
    """Appears with its whole content at once, so that who waits for it never reads half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)
