"""A channel connector that exists to be configured: secrets, a nested table, paths and limits."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator


class Mail(BaseModel, frozen=True, extra="forbid"):
    """A table inside the settings, with a secret of its own."""

    host: str = Field("mail.example.com", description="mail server")
    password: SecretStr | None = Field(None, description="its password")


class Settings(BaseModel, frozen=True, extra="forbid"):
    """Settings of every kind a connector may have."""

    url: str = Field(description="address of the shop")
    app_id: str = Field(description="who we are")
    app_secret: SecretStr = Field(description="proof of it")
    token: SecretStr | None = Field(None, description="another secret")
    certificate: Path | None = Field(None, description="a file")
    timeout_seconds: float = Field(10.0, gt=0, description="longest wait")
    mail: Mail = Field(Mail(), description="where mail goes")
    more_mail: tuple[Mail, ...] = Field((), description="and where else")

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not token.get_secret_value().startswith("t-"):
            raise ValueError(f"{token.get_secret_value()} does not begin with t-")
        return token


def connect(*_arguments: object, **_options: object) -> None:
    """Never called: these tests stop at the configuration."""
