"""What goes wrong around the embedded stack, each with a sentence that says what to do."""

from __future__ import annotations

from weblogs_platform.core.errors import Terminal


class StackError(Terminal):
    """Base of the errors of the embedded stack."""


class HomeUnusable(StackError):
    """The stack's folder cannot be used: not writable, another user's, or somebody else's data."""


class AlreadyRunning(StackError):
    """Another process runs the stack of this folder."""


class NotRunning(StackError):
    """The stack of this folder is not running."""


class PortTaken(StackError):
    """A port that was asked for is in use, or none is free."""


class StartFailed(StackError):
    """A component ended, or did not get ready in time; the message carries its last log lines."""


class ComponentDied(StackError):
    """A component ended while the stack was running; the message carries its last log lines."""
