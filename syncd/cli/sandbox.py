"""Commands that need no merchant's account: a connector's stand-in server alone, and the demonstration."""

from __future__ import annotations

import asyncio
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from syncd.channel.registry import Connector, Sandbox, connector_names, load_connector
from syncd.cli.options import command
from syncd.cli.screen import answer, data, say, verbatim
from syncd.cli.session import complete, unknown
from syncd.cli.toml_text import toml_value
from syncd.errors import OperatorError


@dataclass(frozen=True)
class Door:
    """Where a stand-in listens."""

    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0 takes any free one.")] = 0
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "sandbox")(sandbox)
    command(app, "demo")(demo)


def sandbox(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connector's name, e.g. ebay.")],
    door: Door,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value instead of sentences.")] = False,
) -> None:
    """Serve a stand-in for a channel or supplier, and say what to write in syncd.toml to talk to it; Ctrl-C ends it.

    JSON: {"name", "kind", "url", "toml", "environment"}, one value, as soon as it serves.
    """
    if name not in connector_names():
        raise unknown("connector", name, connector_names())
    complete(_serve(load_connector(name), door, as_json=as_json))


async def _serve(connector: Connector, door: Door, *, as_json: bool) -> None:
    module = connector.sandbox_module()
    try:
        server: Sandbox = await module.start(host=door.host, port=door.port)
    except OSError as fault:
        raise OperatorError(f"{door.host}:{door.port} cannot be listened on: {fault.strerror}") from None
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stopping.set)
    try:
        _introduce(connector, module, server.url, as_json=as_json)
        await stopping.wait()
    finally:
        await server.aclose()


def _introduce(connector: Connector, module: ModuleType, url: str, *, as_json: bool) -> None:
    toml, environment = introduction(connector, module, url)
    if as_json:
        data({"name": connector.name, "kind": connector.kind, "url": url, "toml": toml, "environment": environment})
        return
    answer(f"The stand-in for {connector.name} serves {url}")
    say(f"connectors/{connector.name}/README.md says how to drive it under /_sandbox/…; Ctrl-C ends it.")
    say("To talk to it, write in syncd.toml:")
    verbatim(f"\n{toml}")
    if environment:
        say("and set where syncd runs:")
        verbatim("\n" + "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))


def introduction(connector: Connector, module: ModuleType, url: str) -> tuple[str, dict[str, str]]:
    """The lines of syncd.toml for a stand-in at this address, and the environment variables they name."""
    if hasattr(module, "settings_at"):
        settings: dict[str, object] = module.settings_at(url)
    else:
        names = list(connector.settings_type.model_fields)
        settings = {next(n for n in names if n == "url" or n.endswith("_url")): url, **module.EXAMPLE_SETTINGS}
    secrets: dict[str, str] = module.EXAMPLE_SECRETS
    variables = {name: f"{connector.name}_{name}".upper() for name in secrets}
    lines = [f"[{connector.kind}.{connector.name}]", f"connector = {toml_value(connector.name)}"]
    lines += ['mode = "live"'] if connector.kind == "channel" else []
    lines += [f"{key} = {toml_value(value)}" for key, value in settings.items()]
    lines += [f"{name}_env = {toml_value(variable)}" for name, variable in variables.items()]
    return "\n".join(lines) + "\n", {variables[name]: secret for name, secret in secrets.items()}


def demo(
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the acts as data too.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running and print where.")] = False,
) -> None:
    """Play the whole story on this machine: daemon, channels, supplier and customer, in about a minute."""
    from syncd.demo.story import run  # the stage is built only when it is played on

    raise typer.Exit(run(json_path, keep=keep))
