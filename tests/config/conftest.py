"""Writes a syncd.toml and reads it with the connectors of this folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from syncd.config.load import load_config
from syncd.config.sections import Config
from syncd.errors import ConfigError

Load = Callable[..., Config]
Problems = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the text as `syncd.toml` in the working directory, which is empty but for it."""
    monkeypatch.chdir(tmp_path)

    def loaded(text: str, environ: Mapping[str, str] | None = None, *, may_be_sealed: bool = False) -> Config:
        Path("syncd.toml").write_text(text, encoding="utf-8")
        path, shops = Path("syncd.toml"), "tests.config.shops"
        return load_config(path, environ or {}, may_be_sealed=may_be_sealed, connectors_package=shops)

    return loaded


@pytest.fixture
def problems(load: Load) -> Problems:
    """What is said of the text when it is refused."""

    def said(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as refused:
            load(text, environ)
        return list(refused.value.problems)

    return said
