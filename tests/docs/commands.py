"""Finds the commands and the keys that documents show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.main

from syncd.cli.main import app

ROOT = Path(__file__).parents[2]

INLINE = re.compile(r"`syncd ([^`]+)`")
TYPED = re.compile(r"^ {4,}(?:\S+=\S+ )*(?:/\S+/)?syncd ((?:[a-z-]).*)$", re.MULTILINE)
STARTED = re.compile(r"^Exec\w+=/\S+/syncd (.+)$", re.MULTILINE)

END_OF_COMMAND = re.compile(r"\s{2,}|\s#|[;,|>&]|\s\(|\)")
"""Where what is typed ends and what is said of it begins."""


@dataclass(frozen=True)
class Shown:
    """A command as a document shows it."""

    file: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: syncd {' '.join(self.words)}"


def documents() -> list[Path]:
    """Everything a person reads, but the decisions, which tell of their own day."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "connectors").rglob("README.md")]
    return sorted(path for path in found if ".venv" not in path.parts)


def shown_commands() -> Iterator[Shown]:
    """Every `syncd …` of the documents and the units."""
    for path in documents():
        text = re.sub(r"<!-- demo -->.*?<!-- /demo -->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for pattern in (INLINE, TYPED):
            for match in pattern.finditer(text):
                if match[1].startswith("…"):  # whichever command
                    continue
                yield Shown(str(path.relative_to(ROOT)), _words(match[1]))
    for path in (ROOT / "deploy").glob("*.service"):
        for match in STARTED.finditer(path.read_text(encoding="utf-8")):
            yield Shown(str(path.relative_to(ROOT)), _words(match[1]))


def _words(text: str) -> tuple[str, ...]:
    return tuple(END_OF_COMMAND.split(text.strip())[0].split())


def complaint(shown: Shown) -> str:
    """What is stale in a command, or ''."""
    command: Any = typer.main.get_command(app)
    words, options = list(shown.words), set(_options(command))
    while words and words[0] in ("-c", "--config"):
        words = words[2:]
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        if words[0] not in command.commands:
            return f"{shown}: there is no {words[0]!r}"
        command = command.commands[words.pop(0)]
    options |= set(_options(command)) | {"--help", "-h"}
    unknown = [word for word in words if word.startswith("-") and word.split("=")[0] not in options and word != "-"]
    return f"{shown}: there is no option {', '.join(unknown)}" if unknown else ""


def _options(command: Any) -> Iterator[str]:
    for parameter in command.params:
        yield from parameter.opts
        yield from parameter.secondary_opts
