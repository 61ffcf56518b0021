"""The text of syncd.toml: reading it, and knowing in which line each key stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Where a value stands: table names, keys, and positions in arrays."""

BYTES_MAX = 1_000_000
"""Largest syncd.toml read, in bytes."""


@dataclass(frozen=True)
class Source:
    """A file that is valid TOML, with the line of every key."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]

    @property
    def folder(self) -> Path:
        """Where relative paths count from."""
        return self.path.parent.absolute()

    def line(self, path: KeyPath) -> int | None:
        """The line of the key itself, or else of the nearest table around it, or None."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read_source(path: Path) -> Source:
    """Read and parse. Raises ConfigError with one sentence when the file cannot be read or is not TOML."""
    text = _text(path)
    if not text.strip():
        raise _refused(f"{path} is empty; `syncd init` writes one to start from")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.match(
            r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", str(error)
        )
        if found is None or found["line"] is None:
            what = found["what"] if found else str(error)
            raise _refused(
                f"{path}:{_line_count(text)}: not valid TOML: {_lower(what)} at the end of the file"
            ) from None
        where = f"{path}:{found['line']}"
        raise _refused(f"{where}: not valid TOML: {_lower(found['what'])} in column {found['column']}") from None
    return Source(path, data, key_lines(text))


def changed(data: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, Any]:
    """The tables with these values in place of theirs; a table is changed key by key, everything else as a whole."""
    found = dict(data)
    for name, value in changes.items():
        before = found.get(name)
        is_table = isinstance(value, Mapping) and isinstance(before, Mapping)
        found[name] = changed(before, value) if is_table else value  # type: ignore[arg-type]
    return found


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (1 is the first) of each table and key of valid TOML; nothing is listed inside a value."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    entries: dict[KeyPath, int] = {}
    for number, statement in _statements(text):
        if statement.startswith("[["):
            path = _key_path(statement[2 : statement.rindex("]]")], entries)
            entries[path] = entries.get(path, -1) + 1
            table = (*path, entries[path])
        elif statement.startswith("["):
            table = _key_path(statement[1 : statement.rindex("]")], entries)
        else:
            table_and_key = (*table, *_names(statement))
            _note(lines, table_and_key, number)
            continue
        _note(lines, table, number)
    return lines


def _note(lines: dict[KeyPath, int], path: KeyPath, number: int) -> None:
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], number)
    lines[path] = number


def _names(key: str) -> KeyPath:
    """The parts of a dotted key: `a."b c".d`."""
    found: list[str] = []
    part: Any = tomllib.loads(f"{key} = 0")
    while isinstance(part, dict):
        name, part = next(iter(part.items()))
        found.append(name)
    return tuple(found)


def _key_path(header: str, entries: Mapping[KeyPath, int]) -> KeyPath:
    """The path a table header names; a name of an array of tables means its last entry."""
    names = _names(header)
    path: KeyPath = ()
    for position, name in enumerate(names, 1):
        path = (*path, name)
        if position < len(names) and path in entries:
            path = (*path, entries[path])
    return path


_PIECE = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[^\"'#\n\[\]{}=]+|.|\n",
    re.DOTALL,
)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each table header, and each key up to its `=`, with its line. The text must be valid TOML."""
    number, depth, in_value, statement = 1, 0, False, ""
    start = 1
    for piece in _PIECE.findall(text.replace("\r\n", "\n")):
        is_header = not in_value and statement.lstrip().startswith("[")
        if piece == "\n" and depth == 0:
            if is_header:
                yield start, statement.strip()
            in_value, statement = False, ""
        elif in_value:
            depth += (piece in ("[", "{")) - (piece in ("]", "}"))
        elif piece == "=":
            yield start, statement.strip()
            in_value = True
        elif not piece.startswith("#") and (statement or piece.strip()):
            start = start if statement else number
            statement += piece
        number += piece.count("\n")
    if not in_value and statement.lstrip().startswith("["):
        yield start, statement.strip()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise _refused(f"there is no file {path}; `syncd init` writes one to start from") from None
    except OSError as error:
        raise _refused(f"{path} cannot be read: {_lower(error.strerror or type(error).__name__)}") from None
    if len(content) > BYTES_MAX:
        raise _refused(f"{path} is larger than {BYTES_MAX} bytes, so it is hardly a syncd.toml")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(f"{path}:{line}: not UTF-8 text; save the file with that encoding") from None


def _refused(sentence: str) -> ConfigError:
    return ConfigError("the configuration cannot be read", [sentence])


def _line_count(text: str) -> int:
    return text.rstrip("\n").count("\n") + 1


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
