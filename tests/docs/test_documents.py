"""No document tells of what is not there: commands, options, keys of syncd.toml, links; and the pages fetch nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from syncd.channel.registry import connector_names, load_connector
from syncd.config.load import SECTIONS
from syncd.config.secret import key_names, secret_fields
from syncd.config.sections import ROOM_SECTIONS, ChannelOptions, SupplierOptions
from tests.docs.commands import ROOT, Shown, complaint, documents, shown_commands

SECTION_AND_KEY = re.compile(r"`\[(\w+)\]`? `?(\w+)\b(?: =|`)")
TOML_BLOCK = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def test_every_command_shown_exists_with_its_options() -> None:
    """`syncd …` as documents and units show it, down to the last option."""
    shown = set(shown_commands())
    assert len(shown) > 60
    assert [told for one in sorted(shown, key=str) if (told := complaint(one))] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("stok show", "no 'stok'"),
        ("stock shw", "no 'shw'"),
        ("stock show --when x", "no option --when"),
        ("status --onse", "no option --onse"),
    ],
)
def test_a_stale_command_is_found(words: str, said: str) -> None:
    """What the test above relies on."""
    assert said in complaint(Shown("x.md", tuple(words.split())))


def keys_of(section: str) -> set[str]:
    """The keys a section may have."""
    models = {**SECTIONS, **ROOM_SECTIONS}
    if section in models:
        return {*key_names(models[section]), *secret_fields(models[section])}
    kind = ChannelOptions if section == "channel" else SupplierOptions
    keys = {*key_names(kind), "settings", "capabilities"}
    for name in connector_names():
        connector = load_connector(name)
        if connector.kind == section:
            keys |= set(key_names(connector.settings_type))
    return keys


def stale_keys(table: dict[str, Any]) -> Iterator[str]:
    """Keys of a piece of syncd.toml that do not exist."""
    for section, values in table.items():
        tables = values.values() if section in ("channel", "supplier") else [values]
        for one in tables:
            yield from (f"[{section}] {key}" for key in one if key not in keys_of(section))


def test_every_key_shown_exists() -> None:
    """In pieces of syncd.toml, and where the text names a section and its key."""
    found: list[str] = []
    pieces = 0
    sections = {*SECTIONS, *ROOM_SECTIONS}
    for path in documents():
        if path.is_relative_to(ROOT / "connectors"):
            continue  # tests/connectors/test_readme_settings.py looks at these; their pieces are of connector.toml too
        text = path.read_text(encoding="utf-8")
        for match in TOML_BLOCK.finditer(text):
            pieces += 1
            found += [f"{path.name}: {key}" for key in stale_keys(tomllib.loads(match[1]))]
        for section, key in SECTION_AND_KEY.findall(text):
            if section in sections and key not in keys_of(section):
                found.append(f"{path.name}: [{section}] {key}")
    assert pieces >= 2
    assert found == []
    assert list(stale_keys({"push": {"brake_shar": 1}, "channel": {"x": {"connector": "ebay", "modes": 1}}})) == [
        "[push] brake_shar",
        "[channel] modes",
    ]


def slug(heading: str) -> str:
    """The anchor of a heading, as the pages and code hosts make it."""
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


def test_every_relative_link_leads_somewhere() -> None:
    """Files and headings."""
    broken: list[str] = []
    for path in [*documents(), *(ROOT / "docs/decisions").glob("*.md")]:
        for target in LINK.findall(path.read_text(encoding="utf-8")):
            parts = urlsplit(target)
            if parts.scheme:
                continue
            file = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            if not file.exists():
                broken.append(f"{path.name}: {target}")
            elif parts.fragment and file.suffix == ".md":
                headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                if parts.fragment not in map(slug, headings):
                    broken.append(f"{path.name}: {target}")
    assert broken == []


class _Fetched(HTMLParser):
    """What a browser fetches by itself when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Scripts, styles, pictures, frames."""
        told = dict(attrs)
        if tag == "link" and (told.get("rel") or "") not in ("canonical", "next", "prev"):
            self.addresses.append(told.get("href") or "")
        elif tag in ("script", "img", "iframe", "source", "audio", "video"):
            self.addresses.append(told.get("src") or "")


def test_the_pages_are_made_and_fetch_nothing_from_elsewhere(tmp_path: Path) -> None:
    """`mkdocs build --strict` has nothing to complain of; no page and no style fetches from another host."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert {"index.html", "merchant.html", "agent.html", "runbook.html", "security.html"} <= {one.name for one in pages}
    for page in pages:
        fetched = _Fetched()
        fetched.feed(page.read_text(encoding="utf-8"))
        assert [one for one in fetched.addresses if urlsplit(one).netloc] == [], page
    for style in (tmp_path / "site").rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert re.findall(r"(?:url\(|@import\s+)[\"']?(?:https?:)?//", text) == [], style
