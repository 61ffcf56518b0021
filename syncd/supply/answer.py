"""What a supplier says of a purchase order after he got it: taken, refused, sent, late; said twice it is once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.supply.parcel import Parcel, ParcelStatus
from syncd.supply.port import AnswerKind, PurchaseAnswer
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus, status_of

ENDED = (PurchaseStatus.WITHDRAWN, PurchaseStatus.REFUSED, PurchaseStatus.RECEIVED)
"""Purchase orders from which nothing is expected: whoever says otherwise is asked."""

MESSAGE_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Heard:
    """A purchase order after his answers, parcels that are new or changed, and what a person has to know."""

    order: PurchaseOrder
    parcels: tuple[Parcel, ...]
    remarks: tuple[str, ...]


def hear(order: PurchaseOrder, answers: Sequence[PurchaseAnswer], known: Sequence[Parcel], now: datetime) -> Heard:
    """Take answers in, in the order he gave them. Hearing them again changes nothing."""
    hearing = _Hearing(order, {one.parcel_id: one for one in known}, now)
    for place, answer in enumerate(answers):
        if not (order.status in ENDED and _is_taken_back(answer, answers[place + 1 :])):
            hearing.take(answer)
    before = {one.parcel_id: one for one in known}
    parcels = tuple(one for one in hearing.parcels.values() if before.get(one.parcel_id) != one)
    return Heard(hearing.order, parcels, tuple(hearing.remarks))


def _is_taken_back(answer: PurchaseAnswer, later: Sequence[PurchaseAnswer]) -> bool:
    """Whether he took it back further down: a table that is read again whole tells first what he had agreed to."""
    if answer.kind not in (AnswerKind.ACCEPTED, AnswerKind.DELAYED):
        return False
    return any(one.kind is AnswerKind.REFUSED and one.supplier_sku in ("", answer.supplier_sku) for one in later)


class _Hearing:
    """One purchase order while his answers are taken in."""

    def __init__(self, order: PurchaseOrder, parcels: dict[str, Parcel], now: datetime) -> None:
        self.order = order
        self.parcels = parcels
        self.remarks: list[str] = []
        self._now = now
        self._told_in = ""
        self._unheard = {one.parcel_id for one in parcels.values() if not one.was_numbered}

    def take(self, answer: PurchaseAnswer) -> None:
        """One answer."""
        order = self.order
        if answer.told_in != self._told_in:  # what another table tells of may be told of here again
            self._told_in = answer.told_in
            self._unheard = {one.parcel_id for one in self.parcels.values() if not one.was_numbered}
        if order.status in ENDED:
            is_refusal, is_here = answer.kind is AnswerKind.REFUSED, order.status is PurchaseStatus.RECEIVED
            if is_refusal != is_here:
                return  # there was nothing to expect of it anyway, or it has come, as he says: heard at every reading
            said = f"{order.supplier} says {answer.kind.value!r} of {order.reference}"
            self._remark(f"{said}, which is {order.status.value}: settle it with him")
            return
        lines = [one for one in order.purchases if answer.supplier_sku in ("", one.supplier_sku)]
        if not lines:
            self._remark(f"{order.supplier} speaks of {answer.supplier_sku}, which is not in {order.reference}")
            return
        match answer.kind:
            case AnswerKind.ACCEPTED:
                self._accept(lines, answer.quantity)
            case AnswerKind.REFUSED:
                self._refuse(lines, answer.quantity)
            case AnswerKind.SHIPPED:
                self._ship(lines, answer)
            case AnswerKind.DELAYED:
                self._delay(answer)
        self._settle(answer)

    def _accept(self, lines: Sequence[Purchase], quantity: int | None) -> None:
        left = sum(one.quantity for one in lines) if quantity is None else quantity
        for one in lines:
            units = min(one.quantity, left)
            left -= units
            self._agree(one, max(units, self._shipped(one)))

    def _refuse(self, lines: Sequence[Purchase], quantity: int | None) -> None:
        left = sum(one.quantity for one in lines) if quantity is None else quantity
        for one in reversed(lines):  # from the last: what he agreed to was given to the first
            units = min(one.quantity - self._shipped(one), left)
            left -= units
            agreed = one.quantity if one.accepted is None else one.accepted
            self._agree(one, min(agreed, one.quantity - units))

    def _ship(self, lines: Sequence[Purchase], answer: PurchaseAnswer) -> None:
        if self._is_known(lines, answer):
            return
        left = answer.quantity
        begun = len(self.parcels)
        for one in lines:
            units = one.coming - self._shipped(one)
            units = units if left is None else min(units, left)
            if units <= 0:
                continue
            left = None if left is None else left - units
            parcel = self._parcel(one, units, answer)
            self.parcels[parcel.parcel_id] = parcel
            if self._shipped(one) == one.quantity:
                self._agree(one, one.quantity)
        out = sum(self._shipped(one) for one in lines)
        is_repeated = not answer.tracking_number and len(self.parcels) == begun and out >= (answer.quantity or 0) > 0
        if not out or (left and not is_repeated):
            order = self.order
            self._remark(f"{order.supplier} says he sent more of {order.reference} than was left to send")

    def _is_known(self, lines: Sequence[Purchase], answer: PurchaseAnswer) -> bool:
        """Whether he told of this parcel before: by its number, or without one by what is in it.

        A number nobody knows may be that of a parcel told of without one.
        """
        if answer.tracking_number:
            told = any(self._id(one, answer.tracking_number) in self.parcels for one in lines)
            return told or self._number(lines, answer)
        unheard = [one for one in self._numberless(lines) if one.parcel_id in self._unheard]
        heard = unheard if answer.quantity is None else _holding(unheard, answer.quantity)
        self._unheard -= {one.parcel_id for one in heard}
        is_more = answer.quantity is None and any(one.coming > self._shipped(one) for one in lines)
        return bool(heard) and not is_more

    def _number(self, lines: Sequence[Purchase], answer: PurchaseAnswer) -> bool:
        """The number of parcels that were told of without one: in each line of the one that holds as many."""
        is_told = False
        for line in lines:
            known = self._numberless([line])
            bare = [one for one in known if not one.tracking_number]
            if any(one.tracking_number == answer.tracking_number for one in known):
                is_told = True
            elif bare and (found := self._meant(line, bare, answer.quantity)) is not None:
                is_told = True
                numbered = replace(found, tracking_number=answer.tracking_number, carrier=answer.carrier)
                self.parcels[found.parcel_id] = replace(
                    numbered, status=ParcelStatus.WAITING, attempts=0, next_attempt_at=None
                )
        return is_told

    def _meant(self, line: Purchase, bare: Sequence[Parcel], quantity: int | None) -> Parcel | None:
        """The parcel a number is meant for; None where it may be of one not told of yet."""
        same = next((one for one in bare if quantity in (None, one.quantity)), None)
        return same or (bare[0] if line.coming <= self._shipped(line) else None)

    def _delay(self, answer: PurchaseAnswer) -> None:
        order = self.order
        if order.status is PurchaseStatus.SHIPPED:
            return  # an older word: he has sent it since
        if answer.expected_on is not None and answer.expected_on == order.expected_on:
            return
        until = f"until {answer.expected_on}" if answer.expected_on else "and names no day"
        self.order = replace(order, expected_on=answer.expected_on)
        self._remark(
            f"{order.supplier} is late with {order.reference}, {until}: tell the customer before he asks, or have it "
            f"refused: syncd supplier refuse {order.reference}"
        )

    def _settle(self, answer: PurchaseAnswer) -> None:
        """What follows for the whole order."""
        order = self.order
        purchases = order.purchases
        status = PurchaseStatus.SENT
        if all(one.accepted is not None for one in purchases):
            status = status_of(purchases)
            if status is not PurchaseStatus.REFUSED and all(self._shipped(one) == one.coming for one in purchases):
                status = PurchaseStatus.SHIPPED
        is_new = order.answered_at is None and status is not PurchaseStatus.SENT
        self.order = replace(
            order,
            status=status,
            supplier_reference=answer.supplier_reference or order.supplier_reference,
            message=answer.message[:MESSAGE_LENGTH_MAX] or order.message,
            answered_at=self._now if is_new else order.answered_at,
            next_attempt_at=order.next_attempt_at if status is PurchaseStatus.SENT else None,
        )

    def _agree(self, purchase: Purchase, accepted: int) -> None:
        purchases = tuple(
            replace(one, accepted=accepted) if one.purchase_id == purchase.purchase_id else one
            for one in self.order.purchases
        )
        self.order = replace(self.order, purchases=purchases)

    def _shipped(self, purchase: Purchase) -> int:
        return sum(one.quantity for one in self.parcels.values() if _is_of(one, purchase))

    def _numberless(self, lines: Sequence[Purchase]) -> list[Parcel]:
        """Parcels of these lines that had no number when first told of, as they came."""
        bare = [one for one in self.parcels.values() if not one.was_numbered]
        bare.sort(key=lambda one: (len(one.ordinal), one.ordinal))
        return [one for line in lines for one in bare if _is_of(one, line)]

    def _parcel(self, purchase: Purchase, units: int, answer: PurchaseAnswer) -> Parcel:
        parcel_id = self._id(purchase, answer.tracking_number)
        if not answer.tracking_number and (before := len(self._numberless([purchase]))):
            parcel_id = f"{parcel_id}#{before + 1}|"
        return Parcel(
            parcel_id,
            self.order.reference,
            purchase.supplier,
            purchase.channel,
            purchase.line_id,
            purchase.supplier_sku,
            purchase.sku,
            units,
            self._now,
            answer.carrier,
            answer.tracking_number,
        )

    def _id(self, purchase: Purchase, tracking_number: str) -> str:
        return f"{self.order.reference}|{purchase.purchase_id}|{tracking_number}"

    def _remark(self, sentence: str) -> None:
        self.remarks.append(sentence)


def _is_of(parcel: Parcel, line: Purchase) -> bool:
    told = (parcel.channel, parcel.line_id, parcel.supplier_sku)
    return told == (line.channel, line.line_id, line.supplier_sku)


def _holding(parcels: Sequence[Parcel], quantity: int) -> list[Parcel]:
    """One parcel of so many units, else the first ones that are so many together; none otherwise."""
    for one in parcels:
        if one.quantity == quantity:
            return [one]
    for count in range(2, len(parcels) + 1):
        if sum(one.quantity for one in parcels[:count]) == quantity:
            return list(parcels[:count])
    return []
