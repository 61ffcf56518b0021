"""new-connector: writes the folder of a new channel's connector, whose tests run at once, to be made the real one."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, StrictUndefined

from syncd.channel.registry import connector_names
from syncd.cli.options import command
from syncd.cli.screen import GOOD, answer, data, say, verbatim
from syncd.errors import OperatorError

TEMPLATES = "syncd.cli.new_connector"

NAME = re.compile(r"[a-z][a-z0-9]{1,29}")


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "new-connector")(new_connector)


def new_connector(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the connector, e.g. prestashop.")],
    into: Annotated[Path, typer.Option("--into", help="Folder of syncd's source.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value instead of sentences.")] = False,
) -> None:
    """Write connectors/NAME and its tests: a whole small connector with its stand-in, passing the kit as it is.

    JSON: {"name", "files"}
    """
    if not NAME.fullmatch(name):
        raise OperatorError(f"{name!r} cannot be a folder of code; use 2 to 30 letters a–z and digits, a letter first")
    if name in connector_names():
        raise OperatorError(f"there is a connector {name} already")
    folders = {"connector": into / "connectors" / name, "tests": into / "tests" / "connectors" / name}
    for folder in folders.values():
        if folder.exists():
            raise OperatorError(f"{folder} is there already and was left as it is")
    if not (into / "connectors").is_dir():
        raise OperatorError(f"{into.absolute()} holds no folder 'connectors'; say with --into where syncd's source is")
    written = [path for kind, folder in folders.items() for path in _write(kind, folder, name)]
    if as_json:
        data({"name": name, "files": [str(path) for path in written]})
        return
    answer(f"Wrote the connector {name}: {len(written)} files.", GOOD)
    say("It speaks to a shop that exists only in its stand-in. Read connectors/README.md, then replace, in this order:")
    verbatim(
        f"  connectors/{name}/connector.toml   the channel's facts, each with its source\n"
        f"  connectors/{name}/sandbox.py       the stand-in, from documents and recordings\n"
        f"  connectors/{name}/client.py, mapping.py, channel.py\n"
        f"  make test PYTEST_ARGS=tests/connectors/{name}"
    )


def _write(kind: str, folder: Path, name: str) -> list[Path]:
    engine = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701  code
    written: list[Path] = []
    try:
        folder.mkdir(parents=True)
        if kind == "connector":
            written.append(folder / "__init__.py")
            written[0].touch()
        templates = [one for one in resources.files(TEMPLATES).joinpath(kind).iterdir() if one.name.endswith(".j2")]
        for one in sorted(templates, key=lambda one: one.name):
            text = engine.from_string(one.read_text(encoding="utf-8")).render(name=name, Name=name.capitalize())
            path = folder / one.name.removesuffix(".j2")
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as fault:
        raise OperatorError(f"{folder} cannot be written: {(fault.strerror or 'unknown reason').lower()}") from None
    return written
