"""Set up `.venv` with exactly what requirements/dev.txt pins, and the project itself in editable mode.

    python3 requirements/install.py

Standard library only, run by the Python that the environment is made from. Does nothing when the environment is
already right. It is right when its stamp, written last, names this folder, this Python and these requirements:
changed requirements are installed into it, while one that was interrupted, copied or moved here (its scripts name
the old folder), or made by another Python is made anew. Two set-ups at once take turns.

Deliberately absent: indexes, mirrors and proxies. They are the machine's business (pip's own configuration).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMP = VENV / "weblogs-setup.json"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
OLDEST, NEWEST = (3, 11), (3, 13)


def main() -> int:
    """Exit status 0 when `.venv` is ready, 1 with one message on stderr when it could not be made."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return _refuse(
            f"{sys.executable} is Python {sys.version.split()[0]}, and this project runs on 3.11, 3.12 or 3.13. "
            "Name another one: make PYTHON=python3.12 ..."
        )
    # The folder itself is the lock: nothing is left behind, whatever happens to this process.
    lock = os.open(REQUIREMENTS.parent, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    wanted, found = _wanted(), _found()
    if found == wanted:
        return 0
    try:
        _set_up(wanted, found)
    except subprocess.CalledProcessError as error:
        return _refuse(
            f"set-up stopped: {' '.join(map(str, error.cmd[1:4]))} ... failed (see above). Run it again."
        )
    return 0


def _wanted() -> dict[str, str]:
    """What the stamp of a right environment says."""
    import tomllib  # not at the top: an older Python must reach the message above

    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    # What the editable install is made of; the settings of linters and tests change without a set-up.
    package = {name: pyproject.get(name) for name in ("build-system", "project")}
    package["setuptools"] = pyproject["tool"]["setuptools"]
    inputs = REQUIREMENTS.read_bytes() + json.dumps(package, sort_keys=True).encode()
    return {
        "folder": str(ROOT),
        "python": f"{os.path.realpath(getattr(sys, '_base_executable', sys.executable))} {sys.version.split()[0]}",
        "inputs": hashlib.sha256(inputs).hexdigest(),
    }


def _found() -> dict[str, str]:
    """The stamp of the environment that is there; empty when there is none that a set-up finished."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and VENV_PYTHON.exists() else {}


def _set_up(wanted: dict[str, str], found: dict[str, str]) -> None:
    STAMP.unlink(missing_ok=True)
    if {**found, "inputs": ""} != {**wanted, "inputs": ""}:
        _say("making .venv")
        _make_venv()
    _say("installing the pinned packages (some 300 MB the first time)")
    _pip("install", "-qq", "--only-binary", ":all:", "--require-hashes", "-r", str(REQUIREMENTS))
    _pip("install", "-qq", "--no-index", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    partial = STAMP.with_suffix(".partial")
    partial.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    partial.replace(STAMP)
    _say("ready")


def _make_venv() -> None:
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    except subprocess.CalledProcessError:
        _say("python3 -m venv failed; on Debian and Ubuntu it comes with: apt install python3-venv")
        raise


def _pip(*arguments: str) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    # A user-wide --user or --target, or a PYTHONPATH, would install elsewhere or hide a missing package.
    for name in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    subprocess.run(
        [str(VENV_PYTHON), "-m", "pip", *arguments],
        check=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
    )


def _say(message: str) -> None:
    print(f"set-up: {message}", flush=True)


def _refuse(message: str) -> int:
    print(f"set-up: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
