"""One server of the stack: how it is started, known to be ready, and what is shown of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.home import Credentials, Home, StackSpec
from weblogs_platform.local.ports import LOOPBACK


@dataclass(frozen=True)
class Launch:
    """What to run: the command, the folder it runs in, and all of its environment."""

    command: list[str]
    folder: Path
    environment: Mapping[str, str]


class NotReady(Exception):
    """The component does not answer yet, and may soon; the text says what it answered."""


class BrokenComponent(Exception):
    """The component runs and will never be of use; the text says why."""


class Component(ABC):
    """A server, with the ports that were chosen for it. Making one does no I/O."""

    name: str
    ready_within_secs: float
    stops_within_secs: float

    def __init__(
        self, home: Home, spec: StackSpec, credentials: Credentials, ports: Mapping[str, int]
    ) -> None:
        self.home = home
        self.spec = spec
        self.credentials = credentials
        self.ports = ports

    @property
    @abstractmethod
    def endpoint(self) -> str: ...

    @property
    @abstractmethod
    def data_folder(self) -> Path: ...

    @abstractmethod
    def prepare(self) -> Launch:
        """Writes its configuration and says what to run."""

    @abstractmethod
    def check_ready(self) -> None:
        """Returns when it does its work. Raises NotReady, or BrokenComponent when waiting is in vain."""

    def clean_up(self) -> None:  # noqa: B027 - most leave nothing
        """Removes what it leaves outside of the folder, once it is gone."""


class Face(Component):
    """A server that people look at, over the stack's other servers and their endpoints."""

    def __init__(
        self,
        home: Home,
        spec: StackSpec,
        credentials: Credentials,
        ports: Mapping[str, int],
        endpoints: Endpoints,
    ) -> None:
        super().__init__(home, spec, credentials, ports)
        self._endpoints = endpoints

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.ports[self.name]}"
