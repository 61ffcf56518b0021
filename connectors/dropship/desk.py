"""Ways to send an order: by HTTP, as a file on his server, as a mail; each knows whether sending twice is harmless."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connectors.dropship.access import Credentials
from connectors.dropship.client import Client
from connectors.dropship.client_http import Http
from connectors.dropship.client_sftp import OpenSftp, SftpFolder
from connectors.dropship.client_smtp import Smtp
from connectors.dropship.mapping_letter import Letter, order_letter
from connectors.dropship.mapping_order_file import OrderFormat, file_name, order_file
from connectors.dropship.mapping_purchase import UnreadableAnswer, order_json, read_answer, withhold
from syncd.errors import ChannelUnavailable
from syncd.supply.port import PurchaseOutcome, PurchaseRequest, PurchaseVerdict

PLACE, FIND = "place_order", "find_order"

ANSWER_EXCERPT_BYTES = 4_000
"""As much of an unreadable answer to an order as is looked at for the fault's text."""


class Desk(Protocol):
    """Sends orders."""

    @property
    def repeatable(self) -> bool:
        """Whether the same order sent again buys nothing more."""
        ...

    async def place(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Send the order."""
        ...


@dataclass(frozen=True, slots=True)
class HttpDesk:
    """Orders by POST; our reference goes along as Idempotency-Key, so that sending again buys nothing more."""

    http: Http
    client: Client
    url: str
    credentials: Credentials
    repeatable: bool = True

    async def place(self, request: PurchaseRequest) -> PurchaseOutcome:
        """His answer, or that he has it."""
        answer = await self.http.post(
            self.url,
            order_json(request),
            operation=PLACE,
            credentials=self.credentials,
            headers={"Idempotency-Key": request.reference},
        )
        secrets = self.credentials.secrets()
        try:
            outcome = read_answer(answer.body, request, secrets)
        except UnreadableAnswer as unreadable:
            excerpt = answer.body[:ANSWER_EXCERPT_BYTES].decode("utf-8", "replace")
            text = withhold(excerpt, request, secrets)
            if answer.status >= 400:
                sentence = f"HTTP status {answer.status}: {text[:200] or 'no reason given'}"
                raise self.client.refusal(PLACE, sentence, str(answer.status)) from None
            raise self.client.protocol_error(PLACE, str(unreadable), text) from None
        if answer.status in (400, 422) and outcome.verdict is not PurchaseVerdict.REFUSED:
            raise self.client.protocol_error(PLACE, f"HTTP status {answer.status} with an order taken")
        if (answer.status == 202) != (outcome.verdict is PurchaseVerdict.SENT):
            raise self.client.protocol_error(PLACE, f"HTTP status {answer.status} with the status of another answer")
        return outcome


@dataclass(frozen=True, slots=True)
class SftpDesk:
    """Orders as files in a folder of his server, from which he takes them: a file gone may be an order taken."""

    folder: SftpFolder
    order_format: OrderFormat
    repeatable: bool = False

    async def place(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Write it aside, then give it its name in one step; until then he surely has not got it."""
        name, body = file_name(request, self.order_format), order_file(request, self.order_format)
        is_revealing = False
        try:
            async with self.folder.opened(PLACE) as folder:
                found = await self._found(folder, name, body)
                if found is not None:
                    return found
                aside = await folder.write_aside(name, body)
                is_revealing = True
                await folder.reveal(aside, name)
        except ChannelUnavailable as fault:
            if is_revealing:
                raise
            return PurchaseOutcome(PurchaseVerdict.UNSENT, "", (), fault.message)
        return PurchaseOutcome(PurchaseVerdict.SENT, "", (), f"dropped as {name}")

    async def find(self, request: PurchaseRequest) -> PurchaseOutcome | None:
        """Whether its file lies there; if not, he may have taken it."""
        name, body = file_name(request, self.order_format), order_file(request, self.order_format)
        async with self.folder.opened(FIND) as folder:
            return await self._found(folder, name, body)

    async def _found(self, folder: OpenSftp, name: str, body: bytes) -> PurchaseOutcome | None:
        size = await folder.holds(name)
        if size is None:
            return None
        if size != len(body):
            said = f"a file {name} of another content lies there already"
            raise self.folder.client.refusal(PLACE, said, "exists")
        return PurchaseOutcome(PurchaseVerdict.SENT, "", (), f"lies there as {name}")


@dataclass(frozen=True, slots=True)
class MailDesk:
    """Orders as mails with the order attached; whoever reads two mails may ship twice."""

    smtp: Smtp
    sender: str
    recipient: str
    language: str
    repeatable: bool = False

    async def place(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Hand the mail to our own server; before it takes the text it surely is not sent."""
        letter: Letter = order_letter(request, self.sender, self.recipient, self.language, self.smtp.client.clock.now())
        problem = await self.smtp.send(letter, PLACE)
        if problem:
            return PurchaseOutcome(PurchaseVerdict.UNSENT, "", (), problem)
        return PurchaseOutcome(PurchaseVerdict.SENT, "", (), f"mailed to {self.recipient}")
