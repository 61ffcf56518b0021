"""Settings: what is refused, with which sentence, and what never shows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.dropship import sandbox
from connectors.dropship.feed import connect
from connectors.dropship.settings import Columns, Settings
from connectors.dropship.settings_ways import Answers, Mail, Sftp
from syncd.channel.registry import load_connector
from syncd.supply.port import TakesPurchaseOrders
from syncd.testkit.fake_clock import FakeClock

COLUMNS = {"sku": "Codice", "quantity": "Disponibilità"}
URL = "https://supplier.example/list.csv"
SFTP = {"username": "me", "password": "w", "host_key": "SHA256:" + "A" * 43}


def problems(**values: Any) -> list[tuple[str, str]]:
    """Where and what, for settings that are wrong."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"columns": COLUMNS, **values})
    return [(".".join(map(str, each["loc"])), each["msg"]) for each in caught.value.errors()]


@pytest.mark.parametrize(
    ("values", "where", "what"),
    [
        ({}, "", "set either feed_url or feed_path"),
        ({"feed_url": URL, "feed_path": "x.csv"}, "", "set either feed_url or feed_path"),
        ({"feed_url": "supplier.example/list.csv"}, "feed_url", "write a whole address"),
        ({"feed_url": "ftp://supplier.example/list.csv"}, "feed_url", "write a whole address"),
        ({"feed_url": "https://supplier.example:99999/"}, "feed_url", "Port out of range"),
        ({"feed_url": "https://me:word@supplier.example/"}, "feed_url", "a password does not belong"),
        ({"feed_url": URL, "purchase_url": "nowhere"}, "purchase_url", "write a whole address"),
        ({"feed_url": URL, "delimiter": ";;"}, "delimiter", "write one character"),
        ({"feed_url": URL, "delimiter": "\n"}, "delimiter", "write one character"),
        ({"feed_url": URL, "delimiter": "'", "quote": "'"}, "", "the same character"),
        ({"feed_url": URL, "quote": '""'}, "quote", "at most 1 character"),
        ({"feed_url": URL, "quote": "\n"}, "quote", "one visible character"),
        ({"feed_url": URL, "encoding": "utf-9"}, "encoding", "'utf-9' is not an encoding"),
        ({"feed_url": URL, "encoding": "hex"}, "encoding", "'hex' is not an encoding"),
        ({"feed_url": URL, "decimal_mark": ";"}, "decimal_mark", "Input should be"),
        ({"feed_url": URL, "currency": "euro"}, "currency", "pattern"),
        ({"feed_url": URL, "yes_quantity": -1}, "yes_quantity", "greater than or equal to 0"),
        ({"feed_url": URL, "timeout_seconds": 0}, "timeout_seconds", "greater than 0"),
        ({"feed_url": URL, "feed_username": "me"}, "", "go together"),
        ({"feed_url": URL, "feed_username": "m:e", "feed_password": "pw"}, "", "colon"),
        ({"feed_url": URL, "feed_token": "t", "feed_username": "me", "feed_password": "w"}, "", "not both"),
        ({"feed_url": URL, "feed_token": "two\nlines"}, "feed_token", "line breaks"),
        ({"feed_url": URL, "feed_token": ""}, "feed_token", "empty"),
        ({"feed_url": URL, "feed_token_parameter": "key"}, "", "needs feed_token"),
        ({"feed_url": URL, "purchase_token": "t"}, "", "needs purchase_url"),
        ({"feed_path": "x.csv", "feed_token": "t"}, "", "needs no credentials"),
        ({"feed_url": "sftp://nord.example/l.csv"}, "", "needs the table [supplier.NAME.sftp]"),
        ({"feed_url": "sftp://nord.example/l.csv", "sftp": SFTP, "feed_token": "t"}, "", "takes its credentials from"),
        ({"feed_url": URL, "sftp": {**SFTP, "host_key": "md5:aa"}}, "sftp.host_key", "fingerprint SHA256"),
        ({"feed_url": URL, "sftp": {**SFTP, "private_key": "k"}}, "sftp", "either password or private_key"),
        ({"feed_url": URL, "purchase_url": "mailto:nobody"}, "purchase_url", "write a whole address"),
        ({"feed_url": URL, "purchase_url": "mailto:a@b.example"}, "", "needs the table [supplier.NAME.mail]"),
        ({"feed_url": URL, "answers_url": "imaps://mail.example/INBOX"}, "", "username, password and answers_from"),
        ({"feed_url": URL, "answers_url": "https://a.example", "answers_path": "in"}, "", "not both"),
        ({"feed_url": URL, "answers": {"words": {"boh": "maybe"}}}, "answers.words.boh", "Input should be"),
        ({"feed_url": URL, "mail": {"smtp_url": "smtps://mail.example"}}, "mail", "needs sender"),
        ({"feed_url": URL, "mail": {"username": "me"}}, "mail", "go together"),
        ({"feed_url": URL, "mail": {"smtp_url": "https://mail.example", "sender": "a@b"}}, "mail.smtp_url", "smtps://"),
        ({"feed_url": URL, "format": "ods"}, "format", "Input should be"),
        ({"feed_url": URL, "columns": {"sku": "Codice"}}, "columns.quantity", "required"),
        ({"feed_url": URL, "columns": {"sku": "", "quantity": "q"}}, "columns.sku", "at least 1"),
        ({"feed_url": URL, "colums": {}}, "colums", "not permitted"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_wrong(values: dict[str, Any], where: str, what: str) -> None:
    """Each mistake is one problem with its place and a sentence."""
    found = problems(**values)
    assert len(found) == 1
    assert found[0][0] == where
    assert what in found[0][1]


def test_all_mistakes_between_settings_are_told_at_once() -> None:
    """Settings that do not fit together are all named, not only the first."""
    sentence = problems(feed_token_parameter="key", feed_username="me")[0][1]
    for part in ("set either", "go together", "needs feed_token"):
        assert part in sentence


def test_neither_errors_nor_reprs_show_a_secret() -> None:
    """A secret shows in no repr and in no error about the settings around it."""
    secret = "hush-hush-77"
    settings = Settings.model_validate({"columns": COLUMNS, "feed_url": URL, "feed_token": secret})
    assert secret not in f"{settings!r} {settings} {settings.feed_credentials()!r}"
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"columns": COLUMNS, "feed_token": secret, "feed_password": [secret]})
    assert secret not in str(caught.value)


def test_every_setting_is_described() -> None:
    """Each setting has a sentence, also those in tables of their own."""
    for model in (Settings, Columns, Sftp, Mail, Answers):
        for name, field in model.model_fields.items():
            assert field.description, name


async def test_only_a_purchase_url_makes_an_order_desk() -> None:
    """Without purchase_url the supplier has no place_order at all: he is ordered from by hand."""
    connector = load_connector("dropship")
    assert (connector.kind, connector.vendor_library) == ("supplier", "aiohttp")
    values = {**sandbox.settings_at("http://127.0.0.1:9"), **sandbox.EXAMPLE_SECRETS}
    desk = connect(Settings.model_validate(values), name="rossi", clock=FakeClock())
    assert isinstance(desk, TakesPurchaseOrders)
    del values["purchase_url"], values["purchase_token"]
    by_hand = connector.connect_supplier(Settings.model_validate(values), name="rossi", clock=FakeClock())
    assert not isinstance(by_hand, TakesPurchaseOrders)
    assert not hasattr(by_hand, "place_order")
    await desk.aclose()
    await by_hand.aclose()


def test_the_tab_can_be_named() -> None:
    """delimiter = "tab" is the tab."""
    assert Settings.model_validate({"columns": COLUMNS, "feed_url": URL, "delimiter": "tab"}).delimiter == "\t"
