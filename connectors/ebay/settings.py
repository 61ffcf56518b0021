"""What an operator writes under [channel.NAME] to reach one eBay seller account."""

from __future__ import annotations

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
    iaf_token: SecretStr | None = Field(default=None, description="OAuth user access token of the seller.")
    auth_token: SecretStr | None = Field(
        default=None,
        description="Auth'n'Auth token of the seller, instead of iaf_token; refunds need iaf_token.",
    )
    app_id: str = Field(description="Application id (client id) of the developer keys.")
    dev_id: str = Field(description="Developer id of the developer keys.")
    cert_id: SecretStr = Field(description="Certificate id (client secret) of the developer keys.")
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
        if (self.iaf_token is None) == (self.auth_token is None):
            raise ValueError("give exactly one of iaf_token and auth_token")
        if (self.verification_token is None) != (self.notification_url is None):
            raise ValueError("verification_token and notification_url belong together")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
