"""`python -m weblogs_platform.local.redshift --config FILE`: serves until SIGTERM or SIGINT.

Its ready file (see `config`) appears when it serves. Exits with 2 when the configuration or the database cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

import duckdb

from weblogs_platform.local.redshift.config import ConfigError, load_config
from weblogs_platform.local.redshift.server import Server


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="weblogs_platform.local.redshift", description=__doc__)
    parser.add_argument(
        "--config", type=Path, required=True, help="JSON configuration, readable by its owner only"
    )
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        server = Server(load_config(options.config))
    except (ConfigError, OSError, duckdb.Error) as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 2
    _serve(server)
    return 0


def _serve(server: Server) -> None:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    serving = threading.Thread(target=server.serve, name="accept")
    serving.start()
    while serving.is_alive() and not stopped.wait(0.5):
        pass
    server.stop()
    serving.join()


if __name__ == "__main__":
    sys.exit(main())
