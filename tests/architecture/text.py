"""Rules about the words in the project's files: nothing unfinished, no machine's paths, dependencies with reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.architecture.tree import SourceFile

# Put together here, so that this file does not find itself.
_UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")

_REGISTRY = re.compile(
    r"https?://[^\s/\"']*(pypi\.|pythonhosted|npmjs|yarnpkg|crates\.io|rubygems|proxy\.golang)|(extra-)?index-url\s*="
)

_MACHINE_PATH = re.compile(r"(?<![\w.}/-])/(work|root|farm|home/[a-z]\w*|Users/\w+|tmp/\w+)/")

_REQUIREMENT = re.compile(r"^\s*\"(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?(?P<bounds>[^\"]*)\",?\s*(?P<comment>#.*)?$")

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9][A-Za-z0-9.!+]*)$")


def unfinished(files: Iterable[SourceFile]) -> list[str]:
    """Nothing is left for later inside the code; what is missing stands in the tracker."""
    return _lines_that_match(_UNFINISHED, files, "is marked as unfinished; finish it or take the mark out")


def registry_hosts(files: Iterable[SourceFile]) -> list[str]:
    """No file fixes where packages are downloaded from; that is the machine's affair."""
    return _lines_that_match(_REGISTRY, files, "names a package registry; leave that to the machine's own settings")


def machine_paths(files: Iterable[SourceFile]) -> list[str]:
    """No file knows a path of one machine."""
    return _lines_that_match(_MACHINE_PATH, files, "holds a path of one machine; build it from a folder that is given")


def dependency_reasons(files: Iterable[SourceFile]) -> list[str]:
    """Every dependency in pyproject.toml says on its line what it is for."""
    return [
        file.at(number, f"{found['name']} has no comment; say on the line what it is for")
        for file, number, found in _requirements(files)
        if not (found["comment"] or "").strip("# ")
    ]


def dependency_pins(files: Iterable[SourceFile]) -> list[str]:
    """constraints.txt holds one exact release for every dependency, and nothing but releases."""
    files = list(files)
    pinned: set[str] = set()
    findings: list[str] = []
    for file in files:
        if str(file.path) != "constraints.txt":
            continue
        for number, line in enumerate(file.text.splitlines(), 1):
            found = _PIN.match(line)
            if found:
                pinned.add(_canonical(found["name"]))
            elif line and not line.startswith("#"):
                findings.append(file.at(number, f"{line!r} is no exact release; write name==version"))
    findings += [
        file.at(number, f"{found['name']} is not in constraints.txt; pin the release that was tested")
        for file, number, found in _requirements(files)
        if _canonical(found["name"]) not in pinned
    ]
    return findings


def _requirements(files: Iterable[SourceFile]) -> Iterable[tuple[SourceFile, int, re.Match[str]]]:
    for file in files:
        if str(file.path) != "pyproject.toml":
            continue
        inside = False
        for number, line in enumerate(file.text.splitlines(), 1):
            if re.match(r"^(dependencies|[a-z]+) = \[$", line):
                inside = True
            elif line.startswith("]"):
                inside = False
            elif line.startswith("[tool"):
                break
            elif inside and (found := _REQUIREMENT.match(line)):
                yield file, number, found


def _lines_that_match(pattern: re.Pattern[str], files: Iterable[SourceFile], sentence: str) -> list[str]:
    return [
        file.at(number, f"{sentence}: {line.strip()[:80]}")
        for file in files
        for number, line in enumerate(file.text.splitlines(), 1)
        if pattern.search(line)
    ]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
