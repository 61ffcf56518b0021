"""What the commands of one transaction read, asked once for all of them: one SELECT instead of one for each command.

A `Shared` read finds the rows of a key. Those of every command are asked before the first is judged; a command whose
rows an earlier one of the same transaction may have changed has them asked again, after that one is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.engine import RowMapping

from syncd.prepared import Found, Prepared

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """A SELECT of the rows of many keys. Its list is called `keys`; of texts, or of pairs where `key` has two columns.

    `key` are the columns of a row found that hold its key. `tables`: every table it reads, by name, with the columns
    there that hold the key; a write to such a table that does not name them may have changed any row.
    """

    statement: Prepared
    key: Key
    tables: Mapping[str, Key]

    def of(self, *keys: Key) -> Look:
        """The read of these keys, for a command."""
        return Look(self, keys)


@dataclass(frozen=True, slots=True)
class Look:
    """One read of one command."""

    shared: Shared
    keys: tuple[Key, ...]


class Looks:
    """The shared reads of one transaction: what was found, and what of it may have changed since."""

    def __init__(self, looks: Iterable[Look]) -> None:
        self._wanted: dict[Shared, dict[Key, None]] = {}
        for one in looks:
            self._wanted.setdefault(one.shared, {}).update(dict.fromkeys(one.keys))
        self._found: dict[tuple[Shared, Key], list[RowMapping]] = {}

    def ask(self, conn: Connection) -> list[Any]:
        """Send every read; `take` takes what comes of it."""
        return [(shared, tuple(keys), _ask(shared, conn, tuple(keys))) for shared, keys in self._wanted.items()]

    def take(self, asked: Sequence[Any]) -> None:
        """Fetch what was asked."""
        for shared, keys, answer in asked:
            self._keep(shared, keys, answer.rows())

    def is_known(self, look: Look) -> bool:
        """Whether everything it reads was found, and has not changed since."""
        return all((look.shared, key) in self._found for key in look.keys)

    def rows(self, look: Look, conn: Connection) -> Sequence[RowMapping]:
        """The rows of a read: as found, or asked again. Everything decided so far must be written by then."""
        unknown = tuple(key for key in look.keys if (look.shared, key) not in self._found)
        if unknown:
            self._keep(look.shared, unknown, _ask(look.shared, conn, unknown).rows())
        return [row for key in look.keys for row in self._found[look.shared, key]]

    def changed(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """These rows of a table are to be written; none: nobody knows which."""
        for shared in self._wanted:
            columns = shared.tables.get(table)
            if columns is None:
                continue
            if rows and all(name in rows[0] for name in columns):
                for row in rows:
                    self._found.pop((shared, tuple([row[name] for name in columns])), None)
            else:
                self._found = {known: found for known, found in self._found.items() if known[0] is not shared}

    def _keep(self, shared: Shared, keys: Sequence[Key], rows: Sequence[Found]) -> None:
        for key in keys:
            self._found[shared, key] = []
        for row in rows:
            self._found[shared, tuple([row[name] for name in shared.key])].append(cast(RowMapping, row))


def _ask(shared: Shared, conn: Connection, keys: Sequence[Key]) -> Any:
    return shared.statement.ask(conn, keys=[key[0] for key in keys] if len(shared.key) == 1 else list(keys))
