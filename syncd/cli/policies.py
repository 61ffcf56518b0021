"""Named policies to be tried: changes to syncd.toml, typed one by one or kept in a file of their own."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.config.load import load_config
from syncd.config.problem import nearest
from syncd.config.sections import Config
from syncd.config.source import read_source
from syncd.errors import ConfigError, OperatorError

PRESENT = "as it is"
"""What the settings of syncd.toml are called among the policies."""

CHANGEABLE = ("availability", "push", "reconcile", "channel")
"""Sections of syncd.toml that make a difference in a simulation."""


@dataclass(frozen=True)
class Policy:
    """Settings under a name."""

    name: str
    config: Config


def policies_from(path: Path, typed: Sequence[str], file: Path | None) -> list[Policy]:
    """The settings as they are, then those typed (together one policy), then each [policy.NAME] of the file.

    Raises ConfigError or OperatorError saying which policy is wrong, and how.
    """
    named: dict[str, Mapping[str, object]] = {PRESENT: {}}
    if typed:
        named[", ".join(typed)] = _typed(typed)
    if file is not None:
        named |= _named(file)
    return [Policy(name, _config(path, name, changes)) for name, changes in named.items()]


def _config(path: Path, name: str, changes: Mapping[str, object]) -> Config:
    strange = next((section for section in changes if section not in CHANGEABLE), None)
    if strange is not None:
        near = nearest(strange, CHANGEABLE) or f"; what can be tried: {', '.join(CHANGEABLE)}"
        raise OperatorError(f"policy {name}: a simulation has no use for '{strange}'{near}")
    try:
        return load_config(path, os.environ, may_be_sealed=True, changes=changes)
    except ConfigError as fault:
        if not changes:
            raise
        raise ConfigError(f"policy {name} cannot be used as it is", fault.problems) from fault


def _typed(words: Sequence[str]) -> dict[str, Any]:
    """Changes as typed: `availability.safety_stock=1`."""
    found: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        names = [part.strip() for part in key.split(".")]
        if not sign or len(names) < 2 or not all(names):
            raise OperatorError(f"'{word}' is no change; write SECTION.KEY=VALUE, e.g. availability.safety_stock=1")
        table = found
        for name in names[:-1]:
            table = table.setdefault(name, {})
        table[names[-1]] = _value(text.strip())
    return found


def _value(text: str) -> object:
    """As TOML would read it; what is no TOML value is a text without quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _named(file: Path) -> dict[str, Mapping[str, object]]:
    data = read_source(file).data
    policies = data.get("policy")
    if not isinstance(policies, dict) or not policies or not all(isinstance(one, dict) for one in policies.values()):
        raise OperatorError(
            f"{file} names no policy; write [policy.NAME] and below it what is different, "
            "e.g. availability.safety_stock = 1"
        )
    strange = next((name for name in data if name != "policy"), None)
    if strange is not None:
        raise OperatorError(f"{file}: '{strange}' belongs to no policy; write it below [policy.NAME]")
    if PRESENT in policies:
        raise OperatorError(f"{file}: '{PRESENT}' is the name of syncd.toml's own settings; choose another")
    return policies
