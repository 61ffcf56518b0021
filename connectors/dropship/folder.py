"""Lists and answers that lie as files in a folder, wherever the folder is: here, on an SFTP server, in a mailbox."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from connectors.dropship.client import Client
from connectors.dropship.mapping import Fetched
from connectors.dropship.mapping_answers import AnswerLayout, read_answers
from connectors.dropship.mapping_folder import FILES_MAX, Entry, Sightings, candidates, newest, next_cursor, unread
from connectors.dropship.mapping_format import Writing
from connectors.dropship.mapping_rows import UnreadableFeed
from syncd.errors import ChannelProtocolError, RemoteError
from syncd.supply.port import AnswerPage, FeedProblem, PurchaseAnswer


class OpenFolder(Protocol):
    """A folder one is connected to."""

    async def entries(self) -> list[Entry]:
        """Every plain file in it."""
        ...

    async def read(self, entry: Entry, *, bytes_wanted: int | None) -> bytes:
        """The file's bytes, not expanded; raises a fault when it changes meanwhile or is too large."""
        ...


class Folder(Protocol):
    """A folder that can be opened."""

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        ...

    def opened(self, operation: str) -> AbstractAsyncContextManager[OpenFolder]:
        """Connect, and give the connection back."""
        ...


class Source(Protocol):
    """Where a list comes from."""

    async def fetch(self, operation: str, *, etag: str, bytes_wanted: int | None) -> Fetched:
        """The list or its beginning; without a body if it still is the one named by `etag`."""
        ...


@dataclass(frozen=True, slots=True)
class FolderList:
    """The newest whole file of a folder that fits a pattern; implements Source."""

    folder: Folder
    client: Client
    pattern: str
    settle_seconds: float
    sightings: Sightings = field(default_factory=Sightings, compare=False)

    async def fetch(self, operation: str, *, etag: str, bytes_wanted: int | None) -> Fetched:
        """Raises ChannelUnavailable while there is none, or none is whole."""
        async with self.folder.opened(operation) as folder:
            found = candidates(await folder.entries(), self.pattern)
            now = self.client.clock.now()
            entry = newest(self.sightings.settled(found, now, self.settle_seconds))
            if entry is None:
                raise self.client.unavailable(operation, self._why_none(found))
            if entry.etag == etag:
                return Fetched(None, etag, entry.modified_at, "modification time")
            body = await folder.read(entry, bytes_wanted=bytes_wanted)
        body = await self.client.expanded(body, operation, bytes_wanted)
        return Fetched(body, entry.etag, entry.modified_at, "modification time")

    def _why_none(self, found: list[Entry]) -> str:
        if not found:
            return f"no file {self.pattern!r} is in {self.folder.name}"
        said = f"{found[0].shown!r} may still be being written"
        return f"{said}; if it stays as it is for {self.settle_seconds:g} s, it is read"


@dataclass(frozen=True, slots=True)
class FolderAnswers:
    """Answers as files, each read once."""

    folder: Folder
    client: Client
    layout: AnswerLayout
    writing: Writing
    settle_seconds: float
    sightings: Sightings = field(default_factory=Sightings, compare=False)

    async def fetch(self, cursor: str | None) -> AnswerPage:
        """The answers of every file not read yet. A file that is no table of answers is a problem, once."""
        operation = "fetch_answers"
        answers: list[PurchaseAnswer] = []
        problems: list[FeedProblem] = []
        async with self.folder.opened(operation) as folder:
            now = self.client.clock.now()
            every = candidates(await folder.entries(), "*")
            found = self.sightings.settled(every, now, self.settle_seconds)
            if len(found) > FILES_MAX:
                said = f"{len(found)} files are in {self.folder.name}: move those read long ago away"
                problems.append(FeedProblem(1, "", said))
            fresh = unread(found, cursor)
            bodies: list[tuple[Entry, bytes]] = []
            for entry in fresh:
                try:
                    bodies.append((entry, await folder.read(entry, bytes_wanted=None)))
                except (UnreadableFeed, ChannelProtocolError) as error:  # this file alone, and for good
                    problems.append(FeedProblem(1, entry.shown, _sentence(error)))
        for entry, packed in bodies:
            try:
                body = await self.client.expanded(packed, operation, None)
                if not body.strip():
                    continue  # a mail of a few words, a file that says nothing: no answers
                work = partial(read_answers, body, self.layout, self.writing, where=entry.shown)
                told, wrong = await self.client.in_thread(work, operation=operation)
            except (UnreadableFeed, RemoteError) as error:
                problems.append(FeedProblem(1, entry.shown, _sentence(error)))
                continue
            answers += told
            problems += wrong
        return AnswerPage(tuple(answers), next_cursor(found, cursor, fresh), tuple(problems))


def _sentence(error: UnreadableFeed | RemoteError) -> str:
    return error.sentence if isinstance(error, UnreadableFeed) else error.message
