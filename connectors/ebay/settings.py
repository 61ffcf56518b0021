"""What an operator writes under [channel.NAME] to reach one eBay seller account."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.ebay.mapping import LISTINGS_PER_PAGE_MAX
from connectors.ebay.mapping_orders import ORDERS_PER_PAGE_MAX


class Settings(BaseModel):
    """How to reach one eBay seller account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: str = Field(
        default="https://api.ebay.com",
        description="Scheme and host of eBay's APIs (sandbox: https://api.sandbox.ebay.com); http only on loopback.",
    )
    site_id: str = Field(default="101", pattern=r"^\d{1,3}$", description="eBay site of the listings; 101 is Italy.")
    marketplace_id: str = Field(default="EBAY_IT", description="The same site as the REST APIs call it.")
    refresh_token: SecretStr | None = Field(
        default=None,
        description="OAuth refresh token of the seller; access tokens are fetched with it and renewed by themselves.",
    )
    auth_token: SecretStr | None = Field(
        default=None,
        description="Auth'n'Auth token of the seller, instead of refresh_token; refunds need refresh_token.",
    )
    iaf_token: SecretStr | None = Field(
        default=None,
        description="OAuth user access token, instead of refresh_token; it ends after two hours, so for trials only.",
    )
    token_ends_at: datetime | None = Field(
        default=None,
        description="When refresh_token or auth_token ends, as eBay said when it was given; a person is asked before.",
    )
    app_id: str = Field(description="Application id (client id) of the developer keys.")
    dev_id: str = Field(description="Developer id of the developer keys.")
    cert_id: SecretStr = Field(description="Certificate id (client secret) of the developer keys.")
    signing_key: SecretStr | None = Field(
        default=None,
        description="Private key of eBay's Key Management API (ED25519); sellers in EU and UK need it to refund.",
    )
    signing_jwe: SecretStr | None = Field(
        default=None, description="The public key that came with signing_key, as the JWE eBay gave."
    )
    notification_user: str | None = Field(
        default=None,
        description="The seller's eBay user name; notifications for others are acknowledged and ignored.",
    )
    notification_url: str | None = Field(
        default=None,
        description="The webhook URL exactly as registered with eBay; needed with verification_token.",
    )
    verification_token: SecretStr | None = Field(
        default=None,
        description="Token of a Commerce Notification destination, to answer its ownership challenge.",
    )
    alert_email: str | None = Field(
        default=None,
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="Where eBay writes when its notifications cannot be delivered.",
    )
    compatibility_level: int = Field(default=1423, ge=1193, description="Version of the Trading API to ask for.")
    timeout_seconds: float = Field(default=20.0, gt=0, le=120, description="Longest wait for one answer, in seconds.")

    listings_per_page: int = Field(
        default=LISTINGS_PER_PAGE_MAX,
        ge=1,
        le=LISTINGS_PER_PAGE_MAX,
        description="Listings asked for at once; lower it where a page times out.",
    )
    orders_per_page: int = Field(
        default=ORDERS_PER_PAGE_MAX,
        ge=1,
        le=ORDERS_PER_PAGE_MAX,
        description="Orders asked for at once.",
    )

    @field_validator("endpoint_url")
    @classmethod
    def _check_endpoint(cls, url: str) -> str:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname or where.path not in ("", "/") or where.query:
            raise ValueError("must be scheme and host only, such as https://api.ebay.com")
        if where.scheme == "http" and not _is_loopback(where.hostname):
            raise ValueError("plain http is accepted for this machine only (127.0.0.1, ::1, localhost)")
        return f"{where.scheme}://{where.netloc}"

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        if sum(token is not None for token in (self.refresh_token, self.iaf_token, self.auth_token)) != 1:
            raise ValueError("give exactly one of refresh_token, auth_token and iaf_token")
        if self.token_ends_at is not None and self.token_ends_at.tzinfo is None:
            raise ValueError("token_ends_at needs its offset from UTC, such as 2028-05-01T12:00:00Z")
        if self.signing_jwe is not None and self.signing_jwe.get_secret_value().split() != [
            self.signing_jwe.get_secret_value()
        ]:
            raise ValueError("signing_jwe is one line without spaces: it is sent as a header")
        if (self.signing_key is None) != (self.signing_jwe is None):
            raise ValueError("signing_key and signing_jwe belong together")
        if (self.verification_token is None) != (self.notification_url is None):
            raise ValueError("verification_token and notification_url belong together")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
