"""The command that checks everything that must always hold, and puts right what it is told to put right."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import select

from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, GOOD, answer, counted, data, fail, say, table, waiting
from syncd.cli.session import Session, in_session, parsed
from syncd.doctor.checks import CHECKS, Finding, examine
from syncd.doctor.rebuilding import Rebuilding
from syncd.doctor.store import Examined, read_snapshot, rebuild_balances, settle_sku
from syncd.errors import OperatorError
from syncd.identity import Sku
from syncd.identity import sku as parse_sku
from syncd.ledger.store import balance, movement


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "doctor")(doctor)


def doctor(
    common: Common,
    rebuild: Annotated[
        bool, typer.Option("--rebuild-balances", help="First make every balance the sum of its movements again.")
    ] = False,
    settle: Annotated[
        list[str] | None,
        typer.Option("--settle", metavar="SKU", help="First make its promises agree with its stock; may repeat."),
    ] = None,
) -> None:
    """Check everything that must always hold; exit code 1 if something does not.

    Nothing is ever edited: what is put right is put right by movements that stand in the log beside the old ones.

    JSON: {"ok", "checks", "findings": [{"check", "subject", "sentence", "repair"}], "rebuilt": [{"sku", "account",
    "kept", "folded"}], "corrected": ["…", …], "settled": ["…", …]}
    """

    async def work(session: Session) -> tuple[Rebuilding, list[str], list[Finding]]:
        repaired = await _rebuild(session) if rebuild else Rebuilding((), (), {})
        settled = [sentence for text in settle or () for sentence in await _settle(session, text)]
        return repaired, settled, await _examine(session)

    with waiting("looking at every movement, promise and listing"):
        repaired, settled, findings = in_session(common.path, work)
    if common.as_json:
        rebuilt = [{**asdict(one), "account": str(one.account)} for one in repaired.repairs]
        told = {"rebuilt": rebuilt, "corrected": _corrections(repaired), "settled": settled}
        data({"ok": not findings, "checks": len(CHECKS), "findings": [asdict(one) for one in findings], **told})
    else:
        if settle:
            say("Settled:" if settled else "Its promises agreed with its stock already.")
            for sentence in settled:
                say(f"  - {sentence}")
        _show(repaired, findings, rebuild=rebuild)
    if findings:
        fail()


async def _examine(session: Session) -> list[Finding]:
    live = frozenset(name for name, channel in session.config.channels.items() if channel.options.mode == "live")
    examined = Examined(session.policies, live, session.config.locations)
    return examine(await read_snapshot(session.db, examined, session.clock.now()))


async def _settle(session: Session, text: str) -> tuple[str, ...]:
    outcome = await session.submit(settle_sku(parsed(parse_sku, text)))
    if outcome.value is None:
        raise OperatorError(f"nothing was settled: {outcome.explanation}")
    return outcome.value.sentences


def _corrections(done: Rebuilding) -> list[str]:
    return [f"{one.quantity} × {one.sku}: {one.source} → {one.destination}" for one in done.movements]


async def _rebuild(session: Session) -> Rebuilding:
    async with session.db.read_at_length() as conn:
        skus = {*(await conn.execute(select(movement.c.sku).distinct())).scalars()}
        skus |= {*(await conn.execute(select(balance.c.sku).distinct())).scalars()}
    outcome = await session.submit(rebuild_balances(frozenset(map(Sku, skus))))
    if outcome.value is None:
        raise OperatorError(f"nothing was rebuilt: {outcome.explanation}")
    return outcome.value


def _show(done: Rebuilding, findings: list[Finding], *, rebuild: bool) -> None:
    if rebuild:
        rebuilt = f"Rebuilt {counted(len(done.repairs), 'balance')} from the log."
        say(rebuilt if done.repairs else "Every balance was right already.")
        if done.repairs:
            rows = [(one.sku, str(one.account), one.kept, one.folded) for one in done.repairs]
            table(["SKU", "Account", ">Was", ">Is"], rows)
        if done.movements:
            say("The log itself took more than there was; posted beside it, and to be counted:")
            for sentence in _corrections(done):
                say(f"  - {sentence}")
        say()
    if not findings:
        answer(f"Nothing found: all {len(CHECKS)} checks hold.", GOOD)
        return
    answer(f"{counted(len(findings), 'finding')}.", BAD)
    table(["About", "What does not hold", "Type"], [(one.subject, one.sentence, one.repair) for one in findings])
