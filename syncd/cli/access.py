"""Commands about who may come in: user add, list, password and disable; token create, list and revoke."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer

from syncd.access.role import Principal, Role, name_objection
from syncd.access.secret import password_objection
from syncd.access.service import Gatekeeper
from syncd.access.store import read_tokens, read_user, read_users
from syncd.access.visit import Token, User
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, say, table, verbatim
from syncd.cli.session import Session, in_session, unknown
from syncd.errors import OperatorError
from syncd.http.shape import moment

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
RoleOption = Annotated[Role, typer.Option("--role", "-r", help="What he, she or it is here for.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    users = typer.Typer(no_args_is_help=True, help="People who sign in: add, list, password, disable.")
    command(users, "add")(add_user)
    command(users, "list")(list_users)
    command(users, "password")(change_password)
    command(users, "disable")(disable_user)
    app.add_typer(users, name="user")
    tokens = typer.Typer(no_args_is_help=True, help="Keys of programs and scanners: create, list, revoke.")
    command(tokens, "create")(create_token)
    command(tokens, "list")(list_tokens)
    command(tokens, "revoke")(revoke_token)
    app.add_typer(tokens, name="token")


def _gatekeeper(session: Session) -> Gatekeeper:
    return Gatekeeper(session.db, session.writer, session.clock)


def _typist(session: Session) -> Principal:
    return Principal(session.actor, Role.SERVICE)


def _named(name: str) -> str:
    objection = name_objection(name)
    if objection:
        raise OperatorError(objection)
    return name


def _password(name: str) -> str:
    """Asked for twice on a terminal; one line of standard input otherwise. Never an argument: others would see it."""
    if sys.stdin.isatty():
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    objection = password_objection(password, name)
    if objection:
        raise OperatorError(objection)
    return password


async def _user(session: Session, name: str) -> User:
    async with session.db.read() as conn:
        found = await read_user(conn, name)
        if found is None:
            raise unknown("user", name, [one.name for one in await read_users(conn)])
    return found


def add_user(name: NameArgument, role: RoleOption, common: Common) -> None:
    """Let somebody sign in; asks for a password, or reads one line of standard input.

    JSON: {"user", "role"}
    """
    password = _password(_named(name))

    async def work(session: Session) -> None:
        async with session.db.read() as conn:
            found = await read_user(conn, name)
        if found is not None and found.disabled_at is None:
            raise OperatorError(f"there is a user {name} already; another password: syncd user password {name}")
        await _gatekeeper(session).add_user(name, role, password, _typist(session))

    in_session(common.path, work)
    if common.as_json:
        data({"user": name, "role": role.value})
        return
    answer(f"{name} can sign in as {role.value}.", GOOD)


def list_users(common: Common) -> None:
    """List who may sign in.

    JSON: [{"user", "role", "created_at", "disabled_at", "locked_until"}, …]
    """

    async def work(session: Session) -> list[User]:
        async with session.db.read() as conn:
            return await read_users(conn)

    users = in_session(common.path, work)
    if common.as_json:
        data([_user_shape(one) for one in users])
        return
    if not users:
        answer("Nobody can sign in yet; type: syncd user add NAME --role manager", LOOK)
        return
    answer(f"{counted(len(users), 'user')}.")
    rows = [(one.name, one.role.value, _since(one)) for one in users]
    table(["Name", "Role", ""], rows)


def _since(one: User) -> str:
    if one.disabled_at is not None:
        return f"disabled {one.disabled_at:%Y-%m-%d}"
    return f"closed until {one.locked_until:%Y-%m-%d %H:%M} UTC" if one.locked_until else ""


def _user_shape(one: User) -> dict[str, object]:
    return {
        "user": one.name,
        "role": one.role.value,
        "created_at": moment(one.created_at),
        "disabled_at": moment(one.disabled_at),
        "locked_until": moment(one.locked_until),
    }


def change_password(name: NameArgument, common: Common) -> None:
    """Give a user another password; whoever is signed in as him is signed out.

    JSON: {"user"}
    """
    password = _password(name)

    async def work(session: Session) -> None:
        user = await _user(session, name)
        await _gatekeeper(session).change_password(user, password, _typist(session))

    in_session(common.path, work)
    if common.as_json:
        data({"user": name})
        return
    answer(f"{name} has a new password and has to sign in again.", GOOD)


def disable_user(name: NameArgument, common: Common) -> None:
    """Let a user sign in no more, and sign him out now.

    JSON: {"user"}
    """

    async def work(session: Session) -> None:
        await _user(session, name)
        await _gatekeeper(session).disable_user(name, _typist(session))

    in_session(common.path, work)
    if common.as_json:
        data({"user": name})
        return
    answer(f"{name} cannot sign in any more.", GOOD)


def create_token(
    name: NameArgument,
    role: RoleOption,
    common: Common,
    days: Annotated[int | None, typer.Option("--days", min=1, max=3650, help="Works for so many days.")] = None,
) -> None:
    """Make a key for a program or a scanner. It is shown this once.

    JSON: {"token", "id", "name", "role", "expires_at"}
    """
    _named(name)

    async def work(session: Session) -> tuple[str, Token]:
        expires_at = None if days is None else session.clock.now() + timedelta(days=days)
        return await _gatekeeper(session).issue_token(name, role, expires_at, _typist(session))

    text, token = in_session(common.path, work)
    if common.as_json:
        data({"token": text, "id": token.token_id, **_token_shape(token)})
        return
    answer(f"Token {token.token_id} for {name}, as {role.value}. Keep it: it is not shown again.", GOOD)
    verbatim(text)
    say("Programs send it as: Authorization: Bearer TOKEN")


def list_tokens(common: Common) -> None:
    """List the tokens there are, without what they open with.

    JSON: [{"id", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at"}, …]
    """

    async def work(session: Session) -> tuple[list[Token], list[bool]]:
        async with session.db.read() as conn:
            found = await read_tokens(conn)
        return found, [one.is_good(session.clock.now()) for one in found]

    tokens, good = in_session(common.path, work)
    if common.as_json:
        data([{"id": one.token_id, **_token_shape(one)} for one in tokens])
        return
    if not tokens:
        answer("There are no tokens yet; type: syncd token create NAME --role ROLE", LOOK)
        return
    answer(f"{sum(good)} of {counted(len(tokens), 'token')} open something.")
    rows = [
        (
            one.token_id,
            one.name,
            one.role.value,
            f"{one.last_used_at:%Y-%m-%d %H:%M}" if one.last_used_at else "never",
            _end(one, is_good=is_good),
        )
        for one, is_good in zip(tokens, good, strict=True)
    ]
    table(["Id", "Name…", "Role", "Last used, UTC", ""], rows)


def _end(one: Token, *, is_good: bool) -> str:
    if one.revoked_at is not None:
        return f"revoked {one.revoked_at:%Y-%m-%d}"
    if one.expires_at is None:
        return ""
    return f"until {one.expires_at:%Y-%m-%d}" if is_good else f"expired {one.expires_at:%Y-%m-%d}"


def _token_shape(one: Token) -> dict[str, object]:
    return {
        "name": one.name,
        "role": one.role.value,
        "created_at": moment(one.created_at),
        "expires_at": moment(one.expires_at),
        "revoked_at": moment(one.revoked_at),
        "last_used_at": moment(one.last_used_at),
    }


def revoke_token(token_id: Annotated[str, typer.Argument(metavar="ID")], common: Common) -> None:
    """Let a token open nothing any more, from now on.

    JSON: {"id"}
    """

    async def work(session: Session) -> None:
        async with session.db.read() as conn:
            known = [one.token_id for one in await read_tokens(conn)]
        if token_id not in known:
            raise unknown("token", token_id, known)
        await _gatekeeper(session).revoke(token_id, _typist(session))

    in_session(common.path, work)
    if common.as_json:
        data({"id": token_id})
        return
    answer(f"Token {token_id} opens nothing any more.", GOOD)
