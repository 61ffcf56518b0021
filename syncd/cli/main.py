"""The `syncd` command: its groups of commands, and what every failure looks like to the person who typed it.

Exit codes: 0 all is well · 1 something was found or not done · 2 typed wrongly · 3 syncd.toml is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from syncd.cli import (
    access,
    birthdays,
    cases,
    configuration,
    daemon,
    doctor,
    letters,
    linking,
    listings,
    money,
    orders,
    product,
    pushing,
    report,
    sandbox,
    scaffold,
    simulate,
    status,
    stock,
    supplier,
)
from syncd.cli.screen import complain, verbatim
from syncd.errors import ConfigError, InvariantBroken, OperatorError, RemoteError

EXIT_FAILED = 1
EXIT_CONFIG = 3


class _Syncd(TyperGroup):
    """All commands; faults a person can do something about are told without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except ConfigError as fault:
            complain(fault.message, fault.problems)
            raise typer.Exit(EXIT_CONFIG) from fault
        except OperatorError as fault:
            complain(fault.message, fault.problems)
            raise typer.Exit(EXIT_FAILED) from fault
        except RemoteError as fault:
            complain(str(fault))
            raise typer.Exit(EXIT_FAILED) from fault
        except InvariantBroken as fault:
            complain(f"this must never happen and is a fault of syncd: {fault}", ["look with: syncd doctor"])
            raise typer.Exit(EXIT_FAILED) from fault


app = typer.Typer(
    cls=_Syncd,
    name="syncd",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(is_wanted: bool) -> None:
    if is_wanted:
        verbatim(f"syncd {daemon.installed_number()}")
        raise typer.Exit


@app.callback()
def syncd(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", envvar="SYNCD_CONFIG", help="The configuration; ./syncd.toml when not given."),
    ] = None,
    _is_version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which syncd this is.")
    ] = False,
) -> None:
    """One stock ledger keeps every sales channel and supplier true.

    Exit codes: 0 all is well, 1 something was found or not done, 2 typed wrongly, 3 syncd.toml is wrong.
    """
    ctx.obj = config


THEMES = (
    access,
    configuration,
    daemon,
    doctor,
    stock,
    product,
    listings,
    linking,
    pushing,
    report,
    status,
    supplier,
    orders,
    birthdays,
    cases,
    money,
    simulate,
    letters,
    sandbox,
    scaffold,
)

for _theme in THEMES:
    _theme.register(app)


def main() -> None:
    """The console script."""
    app()
