"""Users, tokens, signed-in browsers and the audit, as rows. Of every secret only a digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Row, Select, bindparam, delete, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.access.role import Role
from syncd.access.visit import LIFETIME, Token, User, Visit
from syncd.db import UtcDateTime, table_of, upsert
from syncd.ledger.store import Write
from syncd.prepared import Prepared

AUDIT_PAGE_MAX = 500


class StaffUserRow(SQLModel, table=True):
    """Somebody who may sign in."""

    __tablename__ = "staff_user"

    name: str = Field(primary_key=True)
    role: str
    password_hash: str
    language: str
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    disabled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    failures: int
    locked_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class ApiTokenRow(SQLModel, table=True):
    """A program's key."""

    __tablename__ = "api_token"

    token_digest: str = Field(primary_key=True)
    token_id: str = Field(unique=True)
    name: str
    role: str
    created_by: str
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class VisitRow(SQLModel, table=True):
    """A browser that is signed in."""

    __tablename__ = "visit"

    visit_digest: str = Field(primary_key=True)
    user_name: str = Field(index=True)
    began_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AuditRow(SQLModel, table=True):
    """Who did what, through a page, a program or the command line."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"),)

    position: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    who: str
    role: str
    did: str
    subject: str


staff_user = table_of(StaffUserRow)
api_token = table_of(ApiTokenRow)
visit = table_of(VisitRow)
audit = table_of(AuditRow)

_TOKEN = Prepared(select(api_token).where(api_token.c.token_digest == bindparam("token_digest")))


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the audit: who did what to what."""

    at: datetime
    who: str
    role: str
    did: str
    subject: str


def select_user(name: str) -> Select[Any]:
    """A user's row, for a command's reads."""
    return select(staff_user).where(staff_user.c.name == name)


def save_user(user: User) -> Write:
    """Add a user, or replace everything about one of that name."""
    values = {
        "name": user.name,
        "role": user.role.value,
        "password_hash": user.password_hash,
        "language": user.language,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
        "failures": user.failures,
        "locked_until": user.locked_until,
    }
    rest = tuple(name for name in values if name not in ("name", "created_at"))
    return Write(upsert(staff_user, ("name",), rest), values)


def change_user(name: str, **values: object) -> Write:
    """Change some columns of a user."""
    return Write(update(staff_user).where(staff_user.c.name == name).values(**values))


def save_token(token_digest: str, token: Token) -> Write:
    """Add a token."""
    values = {
        "token_digest": token_digest,
        "token_id": token.token_id,
        "name": token.name,
        "role": token.role.value,
        "created_by": token.created_by,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    }
    return Write(insert(api_token), values)


def revoke_token(token_id: str, now: datetime) -> Write:
    """A token opens nothing any more."""
    chosen = update(api_token).where(api_token.c.token_id == token_id, api_token.c.revoked_at.is_(None))
    return Write(chosen.values(revoked_at=now))


def token_used(token_id: str, now: datetime) -> Write:
    """When a token was last shown to us."""
    return Write(update(api_token).where(api_token.c.token_id == token_id).values(last_used_at=now))


def save_visit(visit_digest: str, user_name: str, now: datetime) -> tuple[Write, Write]:
    """A browser signs in; those that signed in too long ago are forgotten."""
    values = {"visit_digest": visit_digest, "user_name": user_name, "began_at": now, "seen_at": now}
    return Write(delete(visit).where(visit.c.began_at < now - LIFETIME)), Write(insert(visit), values)


def visit_seen(visit_digest: str, now: datetime) -> Write:
    """When a signed-in browser was last here."""
    return Write(update(visit).where(visit.c.visit_digest == visit_digest).values(seen_at=now))


def end_visit(visit_digest: str) -> Write:
    """A browser signs out."""
    return Write(delete(visit).where(visit.c.visit_digest == visit_digest))


def end_visits_of(user_name: str) -> Write:
    """Every browser of a user is signed out."""
    return Write(delete(visit).where(visit.c.user_name == user_name))


def note_deed(deed: Deed) -> Write:
    """One more line of the audit."""
    values = {"at": deed.at, "who": deed.who, "role": deed.role, "did": deed.did, "subject": deed.subject}
    return Write(insert(audit), values)


async def read_users(conn: AsyncConnection) -> list[User]:
    """Everybody, by name."""
    rows = await conn.execute(select(staff_user).order_by(staff_user.c.name))
    return [user_of(row) for row in rows.mappings()]


async def read_user(conn: AsyncConnection, name: str) -> User | None:
    """The user of that name."""
    row = (await conn.execute(select_user(name))).mappings().one_or_none()
    return None if row is None else user_of(row)


async def read_tokens(conn: AsyncConnection) -> list[Token]:
    """Every token there ever was, oldest first."""
    c = api_token.c
    rows = await conn.execute(select(api_token).order_by(c.created_at, c.token_id))
    return [_token(row._mapping) for row in rows]


async def read_token(conn: AsyncConnection, token_digest: str) -> Token | None:
    """The token with this digest."""
    rows = await _TOKEN.rows(conn, token_digest=token_digest)
    return _token(rows[0]) if rows else None


async def read_visit(conn: AsyncConnection, visit_digest: str) -> Visit | None:
    """The signed-in browser with this digest."""
    joined = select(staff_user, visit.c.began_at, visit.c.seen_at).join(visit, visit.c.user_name == staff_user.c.name)
    row = (await conn.execute(joined.where(visit.c.visit_digest == visit_digest))).mappings().one_or_none()
    return None if row is None else Visit(user_of(row), row["began_at"], row["seen_at"])


async def read_deeds(conn: AsyncConnection, limit: int = AUDIT_PAGE_MAX) -> list[Deed]:
    """The last lines of the audit, newest first."""
    rows = await conn.execute(select(audit).order_by(audit.c.position.desc()).limit(min(limit, AUDIT_PAGE_MAX)))
    return [_deed(row) for row in rows]


def user_of(row: RowMapping) -> User:
    """A user from his row."""
    return User(
        row["name"],
        Role(row["role"]),
        row["password_hash"],
        row["created_at"],
        row["language"],
        row["disabled_at"],
        row["failures"],
        row["locked_until"],
    )


def _token(row: Any) -> Token:
    return Token(
        row["token_id"],
        row["name"],
        Role(row["role"]),
        row["created_by"],
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        row["last_used_at"],
    )


def _deed(row: Row[Any]) -> Deed:
    return Deed(row.at, row.who, row.role, row.did, row.subject)
