"""A stand-in for a supplier's SFTP server: a folder of this machine, one account, faults on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

USERNAME, PASSWORD = "laBrace", "sandbox-sftp-password-5Rt8"


@dataclass
class SftpSandbox:
    """A running server. `folder` is what its account sees as /; `dropped` calls lose their connection."""

    folder: Path
    url: str = ""
    host_key: str = ""
    """The server's public key, as an operator pins it."""
    fingerprint: str = ""
    logins: int = 0
    drop_renames: int = 0
    """So many renames are done and their answers lost."""
    refuse_writes: int = 0
    """So many openings for writing fail, as on a full disk."""
    on_read: Callable[[], None] | None = None
    """Called before a piece of a file is read: an export that writes meanwhile."""
    authorized_key: str = ""
    _server: asyncssh.SSHAcceptor | None = field(default=None, repr=False)

    async def aclose(self) -> None:
        """Stop serving. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()


class _Account(asyncssh.SSHServer):
    """Lets one user in, by password or by key."""

    def __init__(self, sandbox: SftpSandbox) -> None:
        self._sandbox = sandbox

    def begin_auth(self, username: str) -> bool:
        """Everybody has to prove who he is."""
        return True

    def password_auth_supported(self) -> bool:
        """A password will do."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Only the one."""
        is_right = (username, password) == (USERNAME, PASSWORD)
        self._sandbox.logins += is_right
        return is_right

    def public_key_auth_supported(self) -> bool:
        """A key will do."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Only the one."""
        wanted = self._sandbox.authorized_key
        return bool(wanted) and key.get_fingerprint() == asyncssh.import_public_key(wanted).get_fingerprint()


class _Files(asyncssh.SFTPServer):
    """The account's folder, with the faults that were asked for."""

    sandbox: SftpSandbox

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=str(self.sandbox.folder).encode())

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """As usual, but for a full disk."""
        if pflags & asyncssh.FXF_WRITE and self.sandbox.refuse_writes:
            self.sandbox.refuse_writes -= 1
            raise asyncssh.SFTPFailure("no space left on device")
        return super().open(path, pflags, attrs)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """As usual, while somebody may be writing."""
        if self.sandbox.on_read is not None:
            self.sandbox.on_read()
        return bytes(super().read(file_obj, offset, size))  # type: ignore[arg-type]

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Done; the answer may be lost with the connection."""
        super().rename(oldpath, newpath)
        if self.sandbox.drop_renames:
            self.sandbox.drop_renames -= 1
            self.channel.get_connection().abort()


async def start(folder: Path, *, host: str = "127.0.0.1", port: int = 0) -> SftpSandbox:
    """Serve until `aclose`; port 0 takes a free one. The server's key is another one every time."""
    sandbox = SftpSandbox(folder)
    files = type("_SandboxFiles", (_Files,), {"sandbox": sandbox})
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        lambda: _Account(sandbox), host, port, server_host_keys=[key], sftp_factory=files, allow_scp=False
    )
    sandbox._server = server
    sandbox.host_key = key.export_public_key().decode().strip()
    sandbox.fingerprint = key.get_fingerprint()
    sandbox.url = f"sftp://{host}:{server.get_port()}"
    return sandbox
