"""Rules about who may import whom: pure files, one-way rooms, connectors apart, vendor libraries in one place."""

from __future__ import annotations

import ast
import fnmatch
import sys
from collections.abc import Iterable

from tests.architecture.tree import Import, SourceFile

ROOM_ORDER = (
    *("errors", "clock", "identity", "redaction", "wording", "pulse"),
    *("telemetry", "measure", "systemd", "bulk", "reading", "prepared", "checkpoint", "db"),
    *("fence", "lease", "ledger", "channel"),
    *("access", "attention", "journal", "product", "reservation", "supply", "listing", "availability"),
    *("history", "orders", "invoice", "push", "letter", "refund", "goodwill", "webhook", "shipment", "shortage"),
    *("courtesy", "reconcile", "scanner", "why", "doctor", "privacy", "account", "vitals"),
    *("http", "mqtt", "config", "migrations", "worker", "supervision", "heartbeat"),
    *("steering", "app", "daemon", "testkit", "demo", "cli", "__main__"),
)
"""Files and folders of syncd/ in the order of dependence: each may import only those before it."""

IMPURE_FILES = ("port.py", "store.py", "store_*.py", "service.py", "service_*.py")
"""The file names of a room that may be impure (design §8); a room of several ideas has one for each."""

EDGE_ROOMS = {
    "http": "serves requests",
    "mqtt": "talks to a broker",
    "cli": "runs what the operator asks for",
    "demo": "runs the daemon and plays the outside world",
    "testkit": "drives channels, servers and clocks",
    "migrations": "changes tables",
}
"""Rooms that are nothing but an edge, each with what it does there; the pure-file rule is for the others."""

IMPURE_MODULES = frozenset(
    (
        *(
            "aiohttp",
            "aiomqtt",
            "aiosqlite",
            "asyncio",
            "psycopg",
            "httpx",
            "requests",
            "socket",
            "subprocess",
        ),
        *("random", "secrets", "sqlalchemy", "sqlmodel", "structlog", "threading", "time"),
        *("syncd.bulk", "syncd.db", "syncd.systemd", "syncd.telemetry"),
    )
)
"""What makes a file impure: input and output, chance, the machine's time, and files of ours that do these."""

CONNECTOR_MAY_IMPORT = (
    "syncd.channel.port",
    "syncd.supply.port",
    "syncd.identity",
    "syncd.errors",
    "syncd.clock",
)

CONNECTOR_PURE_LIBRARIES = frozenset({"pydantic", "defusedxml", "lxml", "openpyxl", "stdnum"})
"""Libraries any file of a connector may use, given bytes: settings, XML, spreadsheets, check digits."""

CONNECTOR_EDGE_FILES = ("client.py", "client_*.py", "sandbox.py", "sandbox_*.py")
"""The files of a connector that may use any library: they are the wire, ours and the stand-in's."""

SOLE_IMPORTERS = {
    "ebaysdk": ("connectors/ebay/client*.py",),
    "woocommerce": ("connectors/woocommerce/client*.py",),
    "asyncssh": ("connectors/dropship/*_sftp.py",),
    "aiosmtplib": ("connectors/dropship/client_smtp.py", "syncd/letter/service_mail.py"),
    "aiomqtt": ("syncd/mqtt/client.py",),
    "amqtt": ("syncd/mqtt/embedded.py",),
    "structlog": ("syncd/telemetry.py",),
    "rapidfuzz": ("syncd/*",),
    "prometheus_client": ("syncd/measure.py", "syncd/http/metrics.py"),
}
"""Libraries that only these places may know, so that replacing one touches few files. A connector never shares one with
syncd: it could not be taken out alone."""


def pure_files(files: Iterable[SourceFile]) -> list[str]:
    """In a room every file but port, store and service is pure; in a connector every mapping is."""
    findings: list[str] = []
    for file in files:
        if _must_be_pure(file):
            findings += [
                file.at(
                    found.line,
                    f"imports {found.module}; a pure file may not: move this to service.py or store.py",
                )
                for found in file.imports
                if _is_impure(found)
            ]
            findings += [
                file.at(
                    node.lineno,
                    "is async; a pure file only decides: move the waiting to service.py or store.py",
                )
                for node in ast.walk(file.tree)
                if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await)
                and not _is_signature(node)
            ]
    return findings


def one_way_rooms(files: Iterable[SourceFile]) -> list[str]:
    """Imports inside syncd point one way, along `ROOM_ORDER`."""
    findings: list[str] = []
    for file in files:
        room = _room(file)
        if file.parts[0] != "syncd" or room == "__init__":
            continue
        if room not in ROOM_ORDER:
            findings.append(
                file.at(1, f"{room} has no place in ROOM_ORDER; give it one where it depends on nothing later")
            )
            continue
        for found in file.imports:
            target = _target_room(found)
            if target is None or target == room:
                continue
            if target not in ROOM_ORDER:
                findings.append(file.at(found.line, f"imports {found.module}, which has no place in ROOM_ORDER"))
            elif ROOM_ORDER.index(target) > ROOM_ORDER.index(room):
                findings.append(
                    file.at(
                        found.line,
                        f"{room} imports {found.module}, but {target} comes after it: pass a value instead",
                    )
                )
    return findings


def connectors_apart(files: Iterable[SourceFile]) -> list[str]:
    """A connector sees the ports, identity, errors and clock of syncd, itself, and libraries only at its edge."""
    findings: list[str] = []
    for file in files:
        if file.parts[0] != "connectors" or len(file.parts) < 3:
            continue
        at_edge = any(fnmatch.fnmatch(file.path.name, pattern) for pattern in CONNECTOR_EDGE_FILES)
        for found in file.imports:
            reason = _connector_objection(found, file.parts[1], at_edge=at_edge)
            if reason:
                findings.append(file.at(found.line, f"imports {found.module}; {reason}"))
    return findings


def no_connector_by_name(files: Iterable[SourceFile]) -> list[str]:
    """syncd finds connectors by their folder and never imports one."""
    return [
        file.at(found.line, f"imports {found.module}; syncd loads connectors through channel/registry.py only")
        for file in files
        if file.parts[0] == "syncd"
        for found in file.imports
        if found.top == "connectors"
    ]


def sole_importers(files: Iterable[SourceFile]) -> list[str]:
    """A vendor library is imported in its one place; tests may look at it too."""
    return [
        file.at(found.line, f"imports {found.top}; only {' and '.join(SOLE_IMPORTERS[found.top])} may")
        for file in files
        if file.parts[0] != "tests"
        for found in file.imports
        if found.top in SOLE_IMPORTERS
        if not any(fnmatch.fnmatch(str(file.path), place) for place in SOLE_IMPORTERS[found.top])
    ]


def _must_be_pure(file: SourceFile) -> bool:
    name = file.path.name
    if file.parts[0] == "connectors":
        return name == "mapping.py" or name.startswith("mapping_") or name.endswith("_mapping.py")
    is_in_room = file.parts[0] == "syncd" and len(file.parts) > 2 and file.parts[1] not in EDGE_ROOMS
    return is_in_room and not any(fnmatch.fnmatch(name, pattern) for pattern in IMPURE_FILES)


def _is_signature(node: ast.AST) -> bool:
    """A method of a Protocol: a docstring and an ellipsis."""
    return isinstance(node, ast.AsyncFunctionDef) and all(
        isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body
    )


def _is_impure(found: Import) -> bool:
    parts = found.module.split(".")
    if parts[0] == "syncd" and len(parts) > 2 and parts[2].partition("_")[0] in ("store", "service"):
        return True
    return any(".".join(parts[:length]) in IMPURE_MODULES for length in range(1, len(parts) + 1))


def _room(file: SourceFile) -> str:
    return file.path.stem if len(file.parts) == 2 else file.parts[1]


def _target_room(found: Import) -> str | None:
    parts = found.module.split(".")
    return parts[1] if parts[0] == "syncd" and len(parts) > 1 else None


def _connector_objection(found: Import, connector: str, *, at_edge: bool) -> str:
    if found.top == "connectors":
        own = found.module == f"connectors.{connector}" or found.module.startswith(f"connectors.{connector}.")
        return "" if own else "connectors do not know each other"
    if found.top == "syncd":
        allowed = any(found.module == name or found.module.startswith(f"{name}.") for name in CONNECTOR_MAY_IMPORT)
        return "" if allowed else f"a connector may import only {', '.join(CONNECTOR_MAY_IMPORT)} of syncd"
    if found.top in sys.stdlib_module_names or found.top in CONNECTOR_PURE_LIBRARIES or at_edge:
        return ""
    return "libraries belong in client.py (or sandbox.py), where their faults are turned into ours"
