"""The `weblogs` command: a table of names, and nothing else at start.

A command's module is imported when it is called: Dagster alone takes seconds, and `weblogs --help` must not.
Errors that the platform raises on purpose end with their sentence and exit status 1, without a traceback.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError


@dataclass(frozen=True)
class Mounted:
    """Where a command lives (`module:attribute`) and its line in the help."""

    target: str
    help: str


_STACK = "weblogs_platform.local.commands"
COMMANDS = {
    "up": Mounted(f"{_STACK}:up", "Start the embedded S3, Redshift and Dagster."),
    "down": Mounted(f"{_STACK}:down", "Stop the embedded stack."),
    "status": Mounted(f"{_STACK}:status", "Show what runs, and where."),
    "env": Mounted(f"{_STACK}:env", "Print shell exports that connect other tools."),
    "sql": Mounted(f"{_STACK}:sql", "Run a statement on the embedded Redshift."),
    "logs": Mounted(f"{_STACK}:logs", "Show the logs of the stack."),
    "settings": Mounted("weblogs_platform.commands.settings:settings", "Show what is set, and from where."),
    "init": Mounted("weblogs_platform.commands.init:init", "Create and migrate tables, upload jsonpaths."),
    "traffic": Mounted("weblogs_platform.local.traffic.commands:traffic", "Deliver events as Firehose does."),
    "dashboard": Mounted("weblogs_platform.commands.dashboard:dashboard", "Serve the dashboards."),
    "load": Mounted("weblogs_platform.commands.load:load", "Load landing hours, here and now."),
    "forget": Mounted(
        "weblogs_platform.commands.forget:forget", "Take landing hours out, to load them anew."
    ),
    "quarantine": Mounted(
        "weblogs_platform.commands.quarantine:quarantine", "See, repair and replay bad records."
    ),
    "refresh": Mounted("weblogs_platform.commands.refresh:refresh", "Compute processed and KPI tables anew."),
    "doctor": Mounted("weblogs_platform.commands.doctor:doctor", "Try everything that the platform needs."),
    "verify": Mounted("weblogs_platform.commands.verify:verify", "Say whether all is well in the warehouse."),
    "demo": Mounted("weblogs_platform.commands.demo:demo", "Everything at once, on a day of traffic."),
}
_OF_THE_STACK = frozenset(
    {"traffic", "demo", *(name for name, mounted in COMMANDS.items() if mounted.target.startswith(_STACK))}
)


class LazyGroup(click.Group):
    """A group that imports a command when it is called and lists the others from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        mounted = COMMANDS.get(cmd_name)
        if mounted is None:
            return None
        module, _, attribute = mounted.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{mounted.target} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, mounted.help) for name, mounted in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        from weblogs_platform.core.errors import WeblogsError, one_line

        try:
            return super().invoke(ctx)
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            # It quotes arguments as they were typed, or pasted: they must not steer the terminal.
            raise click.UsageError(one_line(error.format_message()), error.ctx) from error
        except WeblogsError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="weblogs-platform")
@click.pass_context
def weblogs(ctx: click.Context) -> None:
    """Web logs and customer interactions, from S3 to Redshift, hour by hour.

    The embedded stack lives in $WEBLOGS_HOME, by default .weblogs in the working directory.
    """
    from weblogs_platform.settings import environment_name

    command = ctx.invoked_subcommand
    if command in _OF_THE_STACK and environment_name() == "aws":
        raise click.ClickException(
            f"`weblogs {command}` is about the embedded stack, and the environment is aws: "
            "unset WEBLOGS_SETTINGS and WEBLOGS_ENV, or export WEBLOGS_ENV=local"
        )
    ctx.obj = {"delivery_s3": _delivery_s3}


def _delivery_s3() -> tuple[Any, str]:
    """The running stack's S3 as Firehose may use it, and its bucket."""
    from weblogs_platform.local.stack import attach
    from weblogs_platform.settings import home_folder

    endpoints = attach(home_folder())
    return endpoints.s3("delivery"), endpoints.bucket


def main() -> None:
    """Entry point of the `weblogs` script."""
    sys.exit(weblogs(prog_name="weblogs"))


if __name__ == "__main__":
    main()
