"""`syncd letter preview`: what customers will read, before any does."""

from __future__ import annotations

from pathlib import Path

from syncd.shortage.message import Kind
from tests.support.cli import Shop


def test_every_letter_is_shown_in_every_language(shop: Shop) -> None:
    """With the configured signature, and as files for a browser."""
    folder = shop.folder / "letters"
    told = shop.told("letter", "preview", "--html", str(folder))
    assert {(one["kind"], one["language"]) for one in told} == {(k, lang) for k in Kind for lang in ("it", "en")}
    assert len(list(folder.glob("*.html"))) == len(told)


def test_one_letter_is_shown_alone(shop: Shop) -> None:
    """Chosen by kind and language."""
    (one,) = shop.told("letter", "preview", "--kind", "delay", "--language", "it")
    assert "arriverà in ritardo" in one["subject"]


def test_a_folder_that_cannot_be_written_is_told(shop: Shop) -> None:
    """In one sentence."""
    file = Path(shop.folder / "taken")
    file.write_text("")
    assert "cannot write to" in shop.refused("letter", "preview", "--html", str(file))
