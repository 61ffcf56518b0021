"""What an operator may write, and what is refused with one clear sentence."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.ebay.sandbox import EXAMPLE_SECRETS, EXAMPLE_SETTINGS
from connectors.ebay.settings import Settings

GOOD = {**EXAMPLE_SETTINGS, **EXAMPLE_SECRETS}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.ebay.com",
        "https://api.sandbox.ebay.com/",
        "http://127.0.0.1:8080",
        "http://[::1]:80",
        "http://localhost",
    ],
)
def test_an_endpoint_is_https_or_this_machine(url: str) -> None:
    """Scheme and host are kept, a closing slash is not."""
    assert Settings.model_validate({**GOOD, "endpoint_url": url}).endpoint_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"endpoint_url": "http://api.ebay.com"}, "plain http is accepted for this machine only"),
        ({"endpoint_url": "api.ebay.com"}, "must be scheme and host only"),
        ({"endpoint_url": "https://api.ebay.com/ws/api.dll"}, "must be scheme and host only"),
        ({"iaf_token": None}, "exactly one of refresh_token, auth_token and iaf_token"),
        ({"auth_token": "x"}, "exactly one of refresh_token, auth_token and iaf_token"),
        ({"refresh_token": "x"}, "exactly one of refresh_token, auth_token and iaf_token"),
        ({"token_ends_at": "2028-05-01T12:00:00"}, "token_ends_at needs its offset from UTC"),
        ({"signing_key": "x"}, "signing_key and signing_jwe belong together"),
        ({"alert_email": "nobody"}, "String should match pattern"),
        ({"verification_token": "x"}, "verification_token and notification_url belong together"),
        ({"site_id": "Italy"}, "String should match pattern"),
        ({"timeout_seconds": 0}, "greater than 0"),
        ({"listings_per_page": 201}, "less than or equal to 200"),
        ({"site": "101"}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_setting_is_told(change: dict[str, object], sentence: str) -> None:
    """Each mistake is named; nothing is guessed."""
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate({**GOOD, **change})


def test_secrets_do_not_show() -> None:
    """The settings' repr holds no secret."""
    shown = repr(Settings.model_validate(GOOD))
    assert not any(secret in shown for secret in EXAMPLE_SECRETS.values())


def test_every_setting_says_what_it_is() -> None:
    """Each field has a description for the operator."""
    assert all(field.description for field in Settings.model_fields.values())
