"""The account's two doors, Trading and REST, as the rest of the connector uses them."""

from __future__ import annotations

from typing import Any, NoReturn

from connectors.ebay.client import DayQuotaSpent, TradingAccount, TradingClient
from connectors.ebay.client_http import HttpDoor
from connectors.ebay.client_rest import RestCall, RestClient
from connectors.ebay.client_signature import BadKey, SigningKey
from connectors.ebay.client_token import FixedToken, Tokens, app_tokens, user_tokens
from connectors.ebay.mapping_rest import METER_PATH, RestAnswer, meter
from connectors.ebay.mapping_xml import Reply, Unreadable
from connectors.ebay.settings import Settings
from syncd.channel.port import CallMeter, Capabilities
from syncd.clock import Clock
from syncd.errors import ChannelProtocolError, ConfigError, RateLimited, RemoteError


class Calls:
    """Makes calls; every failure is a fault of `syncd.errors`."""

    def __init__(self, settings: Settings, *, name: str, clock: Clock, capabilities: Capabilities) -> None:
        self.name = name
        self.clock = clock
        self._calls_per_day = capabilities.calls_per_day
        self._door = HttpDoor(
            name,
            settings.endpoint_url,
            timeout_seconds=settings.timeout_seconds,
            calls_in_flight=capabilities.calls_in_flight,
        )
        keys = (settings.app_id, settings.cert_id.get_secret_value())
        user = _user_tokens(settings, self._door, keys, clock)
        self.trading = TradingClient(
            _account(settings, name), user, clock=clock, calls_in_flight=capabilities.calls_in_flight
        )
        self._rest = RestClient(
            self._door,
            user=user,
            app=app_tokens(self._door, keys, clock=clock),
            marketplace_id=settings.marketplace_id,
            key=_signing_key(settings, name),
            clock=clock,
        )

    async def call(self, verb: str, request: dict[str, Any]) -> Reply:
        """A Trading call; Ack=Failure is a fault."""
        try:
            return await self.trading.call(verb, request)
        except DayQuotaSpent as spent:
            await self._raise_until_reset(spent)

    async def call_for_outcomes(self, verb: str, request: dict[str, Any]) -> Reply:
        """A Trading call; errors about items are left in the reply."""
        try:
            return await self.trading.call_for_outcomes(verb, request)
        except DayQuotaSpent as spent:
            await self._raise_until_reset(spent)

    async def rest(self, call: RestCall) -> RestAnswer:
        """A REST call; a refusal with eBay's error ids is a value."""
        return await self._rest.call(call)

    async def read_meter(self) -> CallMeter | None:
        """getRateLimits, in the application's name: it has a quota of its own and costs no Trading call."""
        answer = await self.rest(RestCall("getRateLimits", "GET", METER_PATH, is_app=True))
        try:
            return meter(answer.body, calls_per_day=self._calls_per_day)
        except Unreadable as fault:
            self.unreadable("getRateLimits", fault)

    def unreadable(self, operation: str, fault: Unreadable) -> NoReturn:
        """The answer is not what eBay's protocol promises."""
        raise ChannelProtocolError(self.name, operation, str(fault)) from None

    async def aclose(self) -> None:
        """Give back threads and connections. May be called twice."""
        await self.trading.aclose()
        await self._door.aclose()

    async def _raise_until_reset(self, spent: DayQuotaSpent) -> NoReturn:
        """The day's quota is spent: ask the meter, which has a quota of its own, until when."""
        seconds = None
        try:
            read = await self.read_meter()
        except RemoteError:
            read = None  # the refusal stands without the meter; it only says how long
        if read is not None and read.remaining == 0:
            seconds = max((read.resets_at - self.clock.now()).total_seconds(), 1.0)
        raise RateLimited(spent.source, spent.operation, spent.message, seconds) from spent


def _user_tokens(settings: Settings, door: HttpDoor, keys: tuple[str, str], clock: Clock) -> Tokens:
    if settings.refresh_token is not None:
        return user_tokens(door, keys, settings.refresh_token.get_secret_value(), clock=clock)
    return FixedToken(settings.iaf_token.get_secret_value() if settings.iaf_token else "")


def _signing_key(settings: Settings, name: str) -> SigningKey | None:
    if settings.signing_key is None or settings.signing_jwe is None:
        return None
    try:
        return SigningKey.read(settings.signing_key.get_secret_value(), settings.signing_jwe.get_secret_value())
    except BadKey as fault:
        raise ConfigError(f"channel {name}: {fault}") from None


def _account(settings: Settings, name: str) -> TradingAccount:
    return TradingAccount(
        name=name,
        endpoint_url=settings.endpoint_url,
        site_id=settings.site_id,
        compatibility_level=settings.compatibility_level,
        app_id=settings.app_id,
        dev_id=settings.dev_id,
        cert_id=settings.cert_id.get_secret_value(),
        auth_token=settings.auth_token.get_secret_value() if settings.auth_token else None,
        timeout_seconds=settings.timeout_seconds,
    )
