"""The project's files as the rules of the house see them: paths, text, syntax trees and what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]

CODE_FOLDERS = ("syncd", "connectors", "tests")

TEXT_FOLDERS = (*CODE_FOLDERS, "deploy", "docs", ".ci")

TEXT_SUFFIXES = frozenset(
    {".py", ".md", ".toml", ".txt", ".cfg", ".ini", ".service", ".j2", ".mako", ".html", ".css", ".js"}
    | {".json", ".xml", ".csv", ".yml", ".yaml", ".sh", ""}
)
"""What may hold words; anything else is data of a format that is not read here."""

LEFT_OUT = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True)
class Import:
    """One imported module, absolute, with its line. `from a.b import c` gives a.b.c."""

    module: str
    line: int

    @property
    def top(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class SourceFile:
    """One file; `path` counts from the project's folder."""

    path: PurePosixPath
    text: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the file name."""
        return self.path.parts

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of a Python file."""
        return ast.parse(self.text, str(self.path))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Everything the file imports, wherever in it."""
        return tuple(self._imports())

    def at(self, line: int, sentence: str) -> str:
        """A finding: `path:line: sentence`."""
        return f"{self.path}:{line}: {sentence}"

    def _imports(self) -> Iterator[Import]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                around = ".".join(self.parts[: -node.level]) if node.level else ""
                module = ".".join(part for part in (around, node.module or "") if part)
                for alias in node.names:
                    yield Import(f"{module}.{alias.name}", node.lineno)


def python_files() -> list[SourceFile]:
    """Every Python file of the project."""
    return [file for file in text_files() if file.path.suffix == ".py" and file.parts[0] in CODE_FOLDERS]


def text_files() -> list[SourceFile]:
    """Every file of the project that holds words."""
    paths = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".git")]
    for folder in TEXT_FOLDERS:
        paths += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [
        SourceFile(PurePosixPath(path.relative_to(ROOT).as_posix()), path.read_text("utf-8", errors="replace"))
        for path in sorted(paths)
        if path.suffix in TEXT_SUFFIXES and LEFT_OUT.isdisjoint(path.parts)
    ]


def snippet(path: str, text: str) -> SourceFile:
    """A file that exists only in a test."""
    return SourceFile(PurePosixPath(path), text)
