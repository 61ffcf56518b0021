"""Which process this is among all, and that a SQLite file has only one daemon."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from syncd.errors import OperatorError


def node_of(name: str) -> dict[str, Any]:
    """This process: its holder name is its own for this start, so that a restarted node is another one."""
    host, pid = socket.gethostname(), os.getpid()
    return {"holder": f"{host}/{pid}/{uuid4().hex[:8]}", "name": name, "host": host, "pid": pid}


def lock_file(store: Path) -> Path:
    """The file beside a SQLite store that the daemon locks. It stays; what counts is the lock, which ends with it."""
    return store.with_name(f"{store.name}.daemon")


@contextmanager
def alone_on(store: Path | None) -> Iterator[None]:
    """As long as this block lasts no other daemon runs on this SQLite file; None: another store, with leases.

    Raises OperatorError where one does.
    """
    if store is None:
        yield
        return
    with lock_file(store).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            pid = file.read().strip() or "unknown"
            raise OperatorError(
                f"a syncd daemon (process {pid}) runs on {store} already, and a SQLite file has only one; "
                "stop it first, or move to PostgreSQL for several nodes: docs/scaling.md"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
