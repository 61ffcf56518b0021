"""Reaches a supplier's SFTP server, whose key is pinned: reads files, drops orders whole. Sole importer of asyncssh.

A connection lives for one call. Nothing of the user's own SSH configuration, keys or agent is used.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

import asyncssh

from connectors.dropship.client import Client
from connectors.dropship.mapping_folder import Entry

asyncssh.set_log_level(logging.WARNING)  # below it, it writes down who connects where

PORT = 22
ENTRIES_MAX = 10_000
CLOCKS_APART_SECONDS_MAX = 900.0
"""How far his clock may be from ours: a file that is older than this by it is old by ours too."""
PIECE_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class SftpAccess:
    """Who we are on the server, and who he is: `host_key` is his public key or its SHA256 fingerprint."""

    username: str
    host_key: str
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)

    def fingerprint(self) -> str:
        """The fingerprint that is expected. Raises asyncssh.KeyImportError."""
        if self.host_key.startswith("SHA256:"):
            return self.host_key
        return asyncssh.import_public_key(self.host_key).get_fingerprint()


class _Pinned(asyncssh.SSHClient):
    """Believes one host key and no other."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self.shown = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether the server is the one expected."""
        self.shown = key.get_fingerprint()
        return self.shown == self._fingerprint


@dataclass(frozen=True, slots=True)
class SftpFolder:
    """A folder on the server, or one file of it; implements Folder."""

    client: Client
    url: str
    access: SftpAccess

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return f"the folder {self.path!r} of his server"

    @property
    def path(self) -> str:
        """Where it is on the server."""
        return unquote(urlsplit(self.url).path) or "/"

    @asynccontextmanager
    async def opened(self, operation: str) -> AsyncIterator[OpenSftp]:
        """Connect, and disconnect at the end."""
        parts = urlsplit(self.url)
        client, access = self.client, self.access
        limits = client.limits
        async with client.translated(operation):
            try:
                pinned = _Pinned(access.fingerprint())
                keys = [asyncssh.import_private_key(access.private_key)] if access.private_key else None
            except asyncssh.KeyImportError:
                raise client.auth_failed(operation, "private_key or host_key is no key that can be read") from None
            try:
                connection = await asyncssh.connect(
                    parts.hostname or "",
                    parts.port or PORT,
                    client_factory=lambda: pinned,
                    known_hosts=([], [], []),  # none but the pinned one: asks _Pinned
                    username=access.username,
                    password=access.password or None,
                    client_keys=keys,
                    agent_path=None,
                    config=None,
                    gss_host=None,
                    preferred_auth="publickey" if keys else "password,keyboard-interactive",
                    connect_timeout=limits.connect_timeout_seconds,
                    login_timeout=limits.timeout_seconds,
                )
            except (asyncssh.Error, TimeoutError) as error:
                raise self._fault(error, operation, pinned) from None
            try:
                async with asyncio.timeout(limits.timeout_seconds):
                    yield OpenSftp(
                        client, await connection.start_sftp_client(path_errors="surrogateescape"), self.path, operation
                    )
            except asyncssh.Error as error:
                raise self._fault(error, operation, pinned) from None
            finally:
                connection.abort()  # every answer was waited for; a polite end would wait for a server that is silent

    def _fault(self, error: Exception, operation: str, pinned: _Pinned) -> Exception:
        client = self.client
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            said = f"his server shows another key than host_key: {pinned.shown or 'none'}; ask him before you change it"
            return client.auth_failed(operation, said)
        if isinstance(error, asyncssh.PermissionDenied | asyncssh.SFTPPermissionDenied):
            return client.auth_failed(operation, "his server refuses our name, password or key, or the folder")
        if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
            return client.unavailable(operation, "there is no such file or folder on his server")
        if isinstance(error, TimeoutError):
            return client.unavailable(operation, f"no answer within {client.limits.connect_timeout_seconds:g} s")
        return client.unavailable(operation, f"the SFTP connection failed ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class OpenSftp:
    """A connected folder; implements OpenFolder."""

    client: Client
    sftp: asyncssh.SFTPClient
    path: str
    operation: str

    async def entries(self) -> list[Entry]:
        """Every plain file in it; the path itself, if it is a file."""
        if not await self.sftp.isdir(self.path):
            return [replace(_entry(posixpath.basename(self.path), await self.sftp.stat(self.path)), is_named=True)]
        found: list[Entry] = []
        async for one in self.sftp.scandir(self.path):
            if one.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR:
                found.append(_entry(str(one.filename), one.attrs))
            if len(found) > ENTRIES_MAX:
                raise self.client.protocol_error(self.operation, f"the folder holds more than {ENTRIES_MAX} files")
        return found

    async def read(self, entry: Entry, *, bytes_wanted: int | None) -> bytes:
        """The file's bytes; a file that grows or is replaced meanwhile is not read."""
        path = await self._path(entry.name)
        bound = self.client.limits.body_bytes_max
        if bytes_wanted is None and entry.size > bound:
            said = f"the file is larger than {bound} bytes (body_bytes_max)"
            raise self.client.protocol_error(self.operation, said)
        body = bytearray()
        async with self.sftp.open(path, "rb") as file:
            while len(body) < min(bound + 1, bytes_wanted or bound + 1):
                piece = await file.read(PIECE_BYTES)
                if not piece:
                    break
                body += piece if isinstance(piece, bytes) else piece.encode()
        if bytes_wanted is not None:
            return bytes(body[:bytes_wanted])
        after = _entry(entry.name, await self.sftp.stat(path))
        if after.etag != entry.etag or len(body) != entry.size:
            raise self.client.unavailable(self.operation, "the file was being written while it was read")
        return bytes(body)

    async def holds(self, name: str) -> int | None:
        """The size of the file of that name, or None if there is none."""
        try:
            return (await self.sftp.stat(posixpath.join(self.path, name))).size
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return None

    async def write_aside(self, name: str, body: bytes) -> str:
        """Put a file under a name nobody looks for; returns its path."""
        path = posixpath.join(self.path, f".{name}.part")
        async with self.sftp.open(path, "wb") as file:
            await file.write(body)
        return path

    async def reveal(self, path: str, name: str) -> None:
        """Give it its name: from now on it is there, and whole."""
        await self.sftp.rename(path, posixpath.join(self.path, name))

    async def _path(self, name: str) -> str:
        return posixpath.join(self.path, name) if await self.sftp.isdir(self.path) else self.path


def _entry(name: str, attrs: asyncssh.SFTPAttrs) -> Entry:
    return Entry(name, attrs.size or 0, float(attrs.mtime or 0))
