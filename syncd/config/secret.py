"""Secrets for syncd.toml: a secret `x` is given as `x_env`, `x_file` or `x_credential`, never as `x` itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from syncd.config.source import KeyPath

BYTES_MAX = 65_536
"""Largest secret read from a file, in bytes."""

SOURCES = ("env", "file", "credential")
"""Where a secret can come from, in the order they are offered."""


@dataclass(frozen=True)
class SecretSources:
    """Where secrets may be looked up: relative files count from `folder`."""

    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Unsealed:
    """A table with its secrets filled in.

    `problems` say what is wrong where, `absent` what is written rightly and cannot be had here; `unresolved` are the
    secrets both leave out, which are not missing for that.
    """

    table: dict[str, Any]
    problems: tuple[tuple[KeyPath, str], ...]
    absent: tuple[tuple[KeyPath, str], ...]
    unresolved: frozenset[KeyPath]


def holds(annotation: object, kind: type) -> bool:
    """Whether a field of this type is, or may be, of this kind."""
    return annotation is kind or any(holds(part, kind) for part in get_args(annotation))


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields of the model that hold a secret."""
    return frozenset(name for name, field in model.model_fields.items() if holds(field.annotation, SecretStr))


def key_names(model: type[BaseModel]) -> list[str]:
    """Every key that may be written for this model: secrets by their sources, all else by name."""
    secrets = secret_fields(model)
    plain = [name for name in model.model_fields if name not in secrets]
    return plain + [f"{name}_{source}" for name in sorted(secrets) for source in SOURCES]


def how_to_give(name: str) -> str:
    """The three ways to give a secret."""
    return f"give {name}_env (a variable), {name}_file (a path) or {name}_credential (systemd)"


def unseal(table: Mapping[str, Any], model: type[BaseModel], sources: SecretSources) -> Unsealed:
    """Replace `x_env`, `x_file` and `x_credential` by the secret they name, in this table and those inside it."""
    unsealing = _Unsealing(sources)
    filled = unsealing.table(table, model, ())
    return Unsealed(filled, tuple(unsealing.problems), tuple(unsealing.absent), frozenset(unsealing.unresolved))


class _NoSecret(Exception):
    """Why a secret could not be had: the rest of a sentence. Never leaves this file."""


class _Misnamed(_NoSecret):
    """The secret is not even asked for rightly: wrong wherever syncd.toml is read."""


@dataclass(frozen=True)
class _Unsealing:
    sources: SecretSources
    problems: list[tuple[KeyPath, str]] = field(default_factory=list)
    absent: list[tuple[KeyPath, str]] = field(default_factory=list)
    unresolved: set[KeyPath] = field(default_factory=set)

    def table(self, table: Mapping[str, Any], model: type[BaseModel], path: KeyPath) -> dict[str, Any]:
        filled = dict(table)
        for name, found in model.model_fields.items():
            if holds(found.annotation, SecretStr):
                self._fill(filled, name, path)
            elif name in filled:
                filled[name] = self._inside(filled[name], found.annotation, (*path, name))
        return filled

    def _inside(self, value: Any, annotation: Any, path: KeyPath) -> Any:
        """The value with the secrets of the models it holds, alone or as entries of arrays and tables."""
        origin, parts = get_origin(annotation), get_args(annotation)
        if origin in (Union, UnionType, Annotated):
            for part in parts:
                value = self._inside(value, part, path)
        elif isinstance(value, list) and origin in (list, tuple) and parts:
            return [self._inside(entry, parts[0], (*path, index)) for index, entry in enumerate(value)]
        elif isinstance(value, dict) and origin is dict:
            return {key: self._inside(entry, parts[1], (*path, key)) for key, entry in value.items()}
        elif isinstance(value, dict) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.table(value, annotation, path)
        return value

    def _fill(self, table: dict[str, Any], name: str, path: KeyPath) -> None:
        given = {key: table.pop(key) for key in [f"{name}_{source}" for source in SOURCES] if key in table}
        if name in table:
            del table[name]
            self._refuse(path, name, name, f"is a secret and may not stand in the file itself; {how_to_give(name)}")
        elif len(given) > 1:
            first, *others = given
            self._refuse(path, name, others[0], f"gives the secret a second time: '{first}' gives it too")
        elif given:
            [(key, reference)] = given.items()
            try:
                table[name] = _secret(key.removeprefix(f"{name}_"), reference, self.sources)
            except _Misnamed as why:
                self._refuse(path, name, key, str(why))
            except _NoSecret as why:
                self.absent.append(((*path, key), str(why)))
                self.unresolved.add((*path, name))

    def _refuse(self, path: KeyPath, name: str, key: str, complaint: str) -> None:
        self.problems.append(((*path, key), complaint))
        self.unresolved.add((*path, name))


def _secret(source: str, reference: object, sources: SecretSources) -> str:
    if not isinstance(reference, str) or not reference:
        raise _Misnamed("must be a name in quotes")
    if source == "env":
        value = sources.environ.get(reference, "")
        if not value:
            raise _NoSecret(f"names the environment variable {reference}, which is not set")
        return value
    if source == "credential":
        return _file_text(_credential(reference, sources.environ))
    return _file_text(sources.folder / reference)


def _credential(name: str, environ: Mapping[str, str]) -> Path:
    if "/" in name or name in (".", ".."):
        raise _Misnamed("must be the bare name of a credential, without a path")
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise _NoSecret("needs systemd: run syncd as a service with LoadCredential=, or use the key ending in _file")
    return Path(folder) / name


def _file_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
        # The line end an editor leaves is no part of the secret; any other space may be.
        text = content.decode("utf-8").rstrip("\r\n")
    except FileNotFoundError:
        raise _NoSecret(f"names {path}, which does not exist") from None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise _NoSecret(f"names {path}, which cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise _NoSecret(f"names {path}, which is not UTF-8 text") from None
    if not text:
        raise _NoSecret(f"names {path}, which is empty")
    if len(content) > BYTES_MAX:
        raise _NoSecret(f"names {path}, which is larger than {BYTES_MAX} bytes, so it is hardly a secret")
    return text
