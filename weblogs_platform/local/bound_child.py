"""Runs a command that ends with its parent: `python bound_child.py PARENT_PID COMMAND...`.

The kernel sends SIGTERM when the parent goes, `kill -9` included, so that a stack never outlives its supervisor.
A file of its own, run by path: it must not import the package (it costs a moment for every component).
Where there is no prctl the command runs unbound.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("the parent ended before its child began")
    os.execvp(command[0], command)  # noqa: S606 - becomes the component, as told by the supervisor


main()
