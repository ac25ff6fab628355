"""One target under the fuzzer: `python -m tests.faults.fuzz_child TARGET [libFuzzer's options] CORPUS`. Never returns:
libFuzzer ends the process.

The fuzzer sees the branches of what is imported under it, and of nothing that was imported before: so this imports
nothing else.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

atheris: Any = import_module("atheris")  # where it is not installed, types are checked all the same

INSTRUMENTED = ["weblogs_platform.core", "weblogs_platform.bulk"]


def main(target: str, options: list[str]) -> None:
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.faults.fuzz_targets import TARGETS
    atheris.Setup(["fuzz", *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
