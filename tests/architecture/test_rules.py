"""Each rule of the house is shown something that breaks it and something that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.architecture import imports, shape, text
from tests.architecture.tree import SourceFile, snippet

Rule = Callable[[Iterable[SourceFile]], list[str]]

LONG_FUNCTION = "def pick() -> None:\n" + "    pass\n" * 70
SEVEN = "def pick(a: int, b: int, c: int, d: int, *, e: int, f: int, g: int) -> None: ...\n"
SIX = "class Shelf:\n    def pick(self, a: int, b: int, c: int, d: int, *, e: int, f: int) -> None: ...\n"
UNFINISHED = "# TO" + "DO: later\n"
REGISTRY = "https:/" + "/pypi." + "org/simple"
MACHINE = "/ho" + "me/mario/stock"
PROTOCOL = 'class Port:\n    async def check(self) -> None:\n        """Look."""\n        ...\n'

BROKEN: list[tuple[Rule, str, str, str]] = [
    (imports.pure_files, "syncd/ledger/balance.py", "import random\n", "1: imports random"),
    (
        imports.pure_files,
        "syncd/ledger/balance.py",
        "from sqlalchemy import text\n",
        "1: imports sqlalchemy.text",
    ),
    (
        imports.pure_files,
        "syncd/push/plan.py",
        "x = 1\nasync def plan() -> None:\n    await x\n",
        "2: is async",
    ),
    (
        imports.pure_files,
        "syncd/push/plan.py",
        "from syncd.listing.store import read\n",
        "imports syncd.listing.store",
    ),
    (imports.pure_files, "syncd/push/plan.py", "from syncd import telemetry\n", "imports syncd.telemetry"),
    (imports.pure_files, "syncd/push/plan.py", "def plan():\n    import time\n", "2: imports time"),
    (imports.pure_files, "connectors/acme/mapping_orders.py", "import aiohttp\n", "imports aiohttp"),
    (
        imports.one_way_rooms,
        "syncd/ledger/store.py",
        "from syncd.push.plan import x\n",
        "push comes after it",
    ),
    (imports.one_way_rooms, "syncd/errors.py", "import syncd.clock\n", "errors imports syncd.clock"),
    (imports.one_way_rooms, "syncd/ledger/store.py", "from ..push import plan\n", "push comes after it"),
    (imports.one_way_rooms, "syncd/attic/box.py", "", "attic has no place in ROOM_ORDER"),
    (imports.one_way_rooms, "syncd/push/plan.py", "import syncd.attic\n", "no place in ROOM_ORDER"),
    (
        imports.connectors_apart,
        "connectors/acme/channel.py",
        "import requests\n",
        "libraries belong in client.py",
    ),
    (
        imports.connectors_apart,
        "connectors/acme/client.py",
        "from syncd.db import x\n",
        "a connector may import only",
    ),
    (
        imports.connectors_apart,
        "connectors/acme/client.py",
        "import syncd.supply.store\n",
        "a connector may import only",
    ),
    (
        imports.connectors_apart,
        "connectors/acme/client.py",
        "import connectors.other.client\n",
        "do not know each other",
    ),
    (
        imports.no_connector_by_name,
        "syncd/app.py",
        "from connectors.acme import channel\n",
        "imports connectors.acme",
    ),
    (imports.sole_importers, "syncd/push/service.py", "import structlog\n", "only syncd/telemetry.py may"),
    (
        imports.sole_importers,
        "connectors/ebay/channel.py",
        "from ebaysdk.trading import X\n",
        "imports ebaysdk",
    ),
    (shape.empty_inits, "syncd/push/__init__.py", "from x import y\n", "is not empty"),
    (shape.module_docstrings, "syncd/push/plan.py", "x = 1\n", "has no docstring"),
    (shape.file_sizes, "syncd/push/plan.py", "x = 1\n" * 401, "401: has 401 lines"),
    (shape.function_sizes, "syncd/push/plan.py", LONG_FUNCTION, "1: pick has 71 lines"),
    (shape.parameter_counts, "syncd/push/plan.py", SEVEN, "pick has 7 parameters"),
    (shape.file_names, "syncd/push/push_utils.py", "", "name it after what it owns"),
    (shape.file_names, "syncd/common/plan.py", "", "name it after what it owns"),
    (
        shape.function_names,
        "syncd/push/plan.py",
        "class A:\n    def _sync(self): ...\n",
        "2: a function called _sync",
    ),
    (
        shape.machine_clock,
        "syncd/push/plan.py",
        "import datetime\nx = datetime.datetime.now()\n",
        "2: calls datetime.now",
    ),
    (shape.machine_clock, "syncd/push/service.py", "from asyncio import sleep\n", "imports asyncio.sleep"),
    (
        shape.machine_clock,
        "connectors/acme/sandbox.py",
        "import time\ntime.sleep(1)\n",
        "2: calls time.sleep",
    ),
    (
        shape.broad_excepts,
        "syncd/push/service.py",
        "try: ...\nexcept Exception: ...\n",
        "2: catches every exception",
    ),
    (shape.broad_excepts, "syncd/push/service.py", "try: ...\nexcept: ...\n", "catches every exception"),
    (
        shape.broad_excepts,
        "tests/test_x.py",
        "try: ...\nexcept (OSError, BaseException): ...\n",
        "catches every",
    ),
    (
        shape.test_docstrings,
        "tests/test_x.py",
        "async def test_x() -> None: ...\n",
        "test_x has no docstring",
    ),
    (text.unfinished, "README.md", "x\n" + UNFINISHED, "2: is marked as unfinished"),
    (text.registry_hosts, "Makefile", f"pip install -i {REGISTRY}\n", "names a package registry"),
    (
        text.machine_paths,
        "deploy/x.service",
        f"ExecStart={MACHINE}/bin/syncd\n",
        "holds a path of one machine",
    ),
    (
        text.dependency_reasons,
        "pyproject.toml",
        'dependencies = [\n    "aiohttp>=3",\n]\n',
        "2: aiohttp has no comment",
    ),
    (
        text.dependency_pins,
        "pyproject.toml",
        'dev = [\n    "ruff>=1",  # lint\n]\n',
        "ruff is not in constraints.txt",
    ),
    (text.dependency_pins, "constraints.txt", "ruff @ file:///x\n", "is no exact release"),
]

KEPT: list[tuple[Rule, str, str]] = [
    (imports.pure_files, "syncd/ledger/store.py", "import sqlalchemy\nasync def read() -> None: ...\n"),
    (imports.pure_files, "syncd/http/page.py", "import aiohttp\n"),
    (imports.pure_files, "syncd/channel/registry.py", PROTOCOL),
    (
        imports.pure_files,
        "syncd/ledger/balance.py",
        "from datetime import datetime\nfrom syncd.identity import Sku\n",
    ),
    (
        imports.one_way_rooms,
        "syncd/push/plan.py",
        "import syncd.ledger.balance\nfrom syncd.push.retry import x\n",
    ),
    (
        imports.connectors_apart,
        "connectors/acme/client.py",
        "import requests\nfrom connectors.acme.mapping import x\n",
    ),
    (
        imports.connectors_apart,
        "connectors/acme/channel.py",
        "import pydantic\nfrom syncd.channel.port import Channel\n",
    ),
    (imports.sole_importers, "connectors/ebay/client_rest.py", "import ebaysdk\n"),
    (imports.sole_importers, "tests/test_telemetry.py", "import structlog\n"),
    (shape.empty_inits, "syncd/push/__init__.py", ""),
    (shape.function_sizes, "syncd/push/plan.py", LONG_FUNCTION.removesuffix("    pass\n")),
    (shape.parameter_counts, "syncd/push/plan.py", SIX),
    (shape.file_names, "syncd/listing/database.py", ""),
    (shape.machine_clock, "syncd/clock.py", "from datetime import datetime\nx = datetime.now()\n"),
    (shape.machine_clock, "connectors/acme/sandbox_server.py", "import asyncio\nasyncio.sleep(1)\n"),
    (shape.broad_excepts, "syncd/supervision.py", "try: ...\nexcept Exception: ...\n"),
    (shape.broad_excepts, "syncd/push/service.py", "try: ...\nexcept OSError: ...\n"),
    (text.machine_paths, "README.md", "see docs/work/plan.md and https://example.com/root/x\n"),
    (text.dependency_reasons, "pyproject.toml", 'dependencies = [\n    "aiohttp>=3",  # the server\n]\n'),
]


@pytest.mark.parametrize(("rule", "path", "content", "said"), BROKEN)
def test_a_broken_rule_is_found(rule: Rule, path: str, content: str, said: str) -> None:
    """The rule names the file, the line and what to do."""
    findings = rule([snippet(path, content)])
    assert findings, "nothing was found"
    assert findings[0].startswith(f"{path}:")
    assert said in findings[0]


@pytest.mark.parametrize(("rule", "path", "content"), KEPT)
def test_what_is_allowed_is_left_alone(rule: Rule, path: str, content: str) -> None:
    """The rule says nothing about what the house allows."""
    assert rule([snippet(path, content)]) == []


def test_a_pinned_dependency_is_enough() -> None:
    """A requirement and its pin are matched whatever way the name is written."""
    files = [
        snippet("pyproject.toml", 'dependencies = [\n    "Some_Library[extra]>=1",  # for x\n]\n'),
        snippet("constraints.txt", "# releases\nsome-library==1.2.3\n"),
    ]
    assert text.dependency_pins(files) == []


def test_every_rule_is_tried() -> None:
    """Every rule appears in the table of broken snippets, so none can sleep."""
    tried = {rule.__name__ for rule, *_ in BROKEN}
    known = {
        name
        for module in (imports, shape, text)
        for name, found in vars(module).items()
        if callable(found) and getattr(found, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert known == tried
