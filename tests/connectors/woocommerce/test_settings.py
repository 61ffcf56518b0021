"""What [channel.NAME] may hold for a WooCommerce shop, and how mistakes in it are told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.woocommerce import sandbox as stand_in
from connectors.woocommerce.channel import Settings
from connectors.woocommerce.sandbox import EXAMPLE_SECRETS
from syncd.channel.registry import load_connector


def settings(**changes: object) -> Settings:
    """Settings for a shop on the net."""
    return Settings(**{"url": "https://shop.example.com/", **EXAMPLE_SECRETS, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": "shop.example.com"}, "https://"),
        ({"url": "ftp://shop.example.com"}, "https://"),
        ({"url": "https://shop.example.com/?a=b"}, "query"),
        ({"url": "https://me:pw@shop.example.com"}, "password"),
        ({"url": "https://[shop"}, "address"),
        ({"url": "http://shop.example.com"}, "allow_http"),
        ({"currency": "euro"}, "currency"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"page_size": 101}, "page_size"),
        ({"colour": "red"}, "colour"),
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, object], told: str) -> None:
    """Each mistake in syncd.toml is said with its place, and no secret with it."""
    with pytest.raises(ValidationError) as raised:
        settings(**changes)
    assert told in str(raised.value)
    assert all(secret not in str(raised.value) for secret in EXAMPLE_SECRETS.values())


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    """Loopback needs no encryption; elsewhere it must be asked for."""
    assert settings(url=url).url == url
    assert settings(url="http://shop.example.com", allow_http=True).url == "http://shop.example.com"


def test_settings_do_not_tell_their_secrets() -> None:
    """Not in a repr either."""
    assert all(secret not in repr(settings()) for secret in EXAMPLE_SECRETS.values())


def test_the_example_settings_fit() -> None:
    """What the stand-in offers as an example is what the connector takes."""
    connector = load_connector("woocommerce")
    given = {"url": "http://127.0.0.1:1", **stand_in.EXAMPLE_SETTINGS, **EXAMPLE_SECRETS}
    assert connector.settings_type(**given).model_dump()["currency"] == "EUR"
