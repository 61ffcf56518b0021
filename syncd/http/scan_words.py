"""Every word the scanner's page says by itself, without network too; `%(name)s` stands for a fact it knows."""

from __future__ import annotations

from syncd.wording.wording import Voice


def words(voice: Voice) -> dict[str, str]:
    """By the key the page's scripts ask for."""
    return _jobs(voice) | _work(voice) | _answers(voice)


def _jobs(voice: Voice) -> dict[str, str]:
    """Jobs, and getting to them."""
    _ = voice.gettext
    return {
        "what": _("What do you do?"),
        "here": _("You are at"),
        "at": _("At %(place)s"),
        "back": _("Back"),
        "receive": _("Receive"),
        "pick": _("Pick"),
        "putaway": _("Put away"),
        "move": _("Move"),
        "count": _("Count"),
        "adjust": _("Adjust"),
        "aside": _("Set aside"),
        "sale": _("Counter sale"),
        "scan_thing": _("Scan a thing"),
        "type_code": _("Or type its code"),
        "go": _("Go"),
        "camera": _("Scan with the camera"),
        "no_camera": _("The camera cannot be used. Type the code"),
        "wedge_ready": _("A scanner with keys or a cable works at any time."),
        "choose_first": _("Choose first what you do"),
        "confirm_first": _("First confirm %(title)s"),
        "pack": _("a pack of %(units)s"),
        "units": _("How many"),
        "less": _("One fewer"),
        "more": _("One more"),
        "reason": _("Why"),
        "reason_shrinkage": _("Missing"),
        "reason_correction": _("Wrong in the books"),
        "reason_damaged": _("Damaged"),
        "reason_restock": _("Found again"),
        "reason_promotion": _("Given away"),
        "reason_other": _("Something else"),
        "to": _("To"),
        "from": _("From"),
    }


def _work(voice: Voice) -> dict[str, str]:
    """What the big button and the lists say."""
    _ = voice.gettext
    return {
        "confirm_receive": _("Received %(units)s"),
        "confirm_putaway": _("Put away %(units)s"),
        "confirm_move": _("Carried %(units)s"),
        "confirm_count": _("Counted %(units)s"),
        "confirm_recount": _("Counted again: %(units)s"),
        "confirm_adjust": _("Adjust by %(units)s"),
        "confirm_aside": _("Set aside %(units)s"),
        "confirm_sale": _("Sold %(units)s"),
        "confirm_pick": _("Picked %(units)s"),
        "not_zero": _("An adjustment by 0 changes nothing"),
        "choose_order": _("Choose or scan an order"),
        "order": _("Order %(number)s: %(units)s to pick"),
        "nothing_to_pick": _("Nothing waits to be picked here."),
        "no_such_order": _("No order %(number)s waits here"),
        "pick_line": _("Pick %(units)s × %(title)s at %(place)s"),
        "for_order": _("Order %(number)s · %(sku)s"),
        "not_in_order": _("%(title)s is not in this order"),
        "none_there": _("None there"),
        "none_sure": _("Yes, none is there"),
        "none_means": _(
            "The customer is told at once and chooses what he wants instead. What the books "
            "still hold here is set aside until somebody counts."
        ),
        "unknown": _("Unknown code"),
        "unknown_what": _("Nobody knows this code yet. What is it?"),
        "search": _("Name or number of the thing"),
        "link_units": _("How many pieces one code means"),
        "note_it": _("Note it: somebody else finds out"),
        "needs_network": _("This needs the network. The scan is kept; try again later"),
    }


def _answers(voice: Voice) -> dict[str, str]:
    """What has become of scans, and what is left to look at."""
    _ = voice.gettext
    return {
        "sending": _("Sending"),
        "kept": _("Kept on this device until the network is back"),
        "refused": _("This was not booked"),
        "full": _("%(count)s scans wait on this device. Find the network before you go on"),
        "waiting": _("%(count)s wait to be sent"),
        "sent": _("Everything is sent"),
        "offline": _("No network. Go on: scans are kept here"),
        "signed_out": _("You are signed out. Scans are kept here"),
        "sign_in": _("Sign in"),
        "questions": _("%(count)s to look at"),
        "questions_title": _("To look at"),
        "no_questions": _("Nothing left to look at."),
        "count_again": _("Count again"),
        "say_what": _("Say what it is"),
        "send_again": _("Send again"),
        "drop": _("Drop it"),
        "drop_sure": _("Yes, drop it"),
        "undo": _("Undo"),
        "undoing": _("Taking it back"),
        "clock_ahead": _(
            "The clock of this device is %(minutes)s minutes ahead. Set it; your scans are booked at the right time"
        ),
        "clock_behind": _(
            "The clock of this device is %(minutes)s minutes behind. Set it; your scans are booked at the right time"
        ),
    }
