"""Reads files of this machine that somebody else puts in place."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from connectors.dropship.client import Client
from connectors.dropship.mapping_folder import Entry


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder here, or one file of it; implements Folder and OpenFolder."""

    client: Client
    path: Path
    operation: str = ""

    @property
    def name(self) -> str:
        """What it is called in sentences: nobody needs the whole path in a log."""
        return f"the folder {self.path.name!r}"

    @asynccontextmanager
    async def opened(self, operation: str) -> AsyncIterator[LocalFolder]:
        """Nothing has to be connected."""
        yield LocalFolder(self.client, self.path, operation)

    async def entries(self) -> list[Entry]:
        """Every plain file in it; the path itself, if it is a file."""
        return await self.client.in_thread(self._entries, operation=self.operation)

    async def read(self, entry: Entry, *, bytes_wanted: int | None) -> bytes:
        """The file's bytes."""
        work = partial(self._read, entry.name, bytes_wanted)
        return await self.client.in_thread(work, operation=self.operation)

    def _entries(self) -> list[Entry]:
        if not self.path.is_dir():
            state = self.path.stat()
            if not stat.S_ISREG(state.st_mode):
                raise self.client.protocol_error(self.operation, "feed_path is neither a file nor a folder")
            return [replace(_entry(self.path.name, state), is_named=True)]
        with os.scandir(self.path) as found:
            return [_entry(one.name, one.stat()) for one in found if one.is_file()]

    def _read(self, name: str, bytes_wanted: int | None) -> bytes:
        path = self.path / name if self.path.is_dir() else self.path
        bound = self.client.limits.body_bytes_max
        before = path.stat()
        with path.open("rb") as file:
            body = file.read(bound + 1 if bytes_wanted is None else bytes_wanted)
        after = path.stat()
        if len(body) > bound:
            raise self.client.protocol_error(self.operation, f"the file is larger than {bound} bytes (body_bytes_max)")
        if _state(before) != _state(after):
            raise self.client.unavailable(self.operation, "the file was being written while it was read")
        return body


def _entry(name: str, state: os.stat_result) -> Entry:
    return Entry(name, state.st_size, state.st_mtime_ns / 1e9, str(state.st_ino))


def _state(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_mtime_ns, state.st_size, state.st_ino
