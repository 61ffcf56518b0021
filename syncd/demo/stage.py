"""The demo's stage: three stand-in servers, a folder of its own, and the real daemon as a process beside them."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from syncd.channel.registry import load_connector
from syncd.clock import Clock
from syncd.errors import OperatorError

EBAY, SHOP, SUPPLIER = "ebay", "shop", "toolmaker"
CONNECTORS = {EBAY: "ebay", SHOP: "woocommerce", SUPPLIER: "dropship"}

START_SECONDS = 15.0
"""How long the daemon may take to be ready."""

ANSWER_SECONDS = 3.0
"""How long the loser of the race may choose in the demo; in life it is two days."""

STALE_SECONDS = 6.0
"""After how long without news the supplier's word counts nothing in the demo; in life it is a day."""

_TOML = """\
[daemon]
name = "demo"
log_format = "json"

[database]
url = "sqlite:///demo.db"

[http]
port = {port}

[channel.ebay]
connector = "ebay"
mode = "live"
poll_interval_seconds = 1
sweep_interval_seconds = 5
{ebay}
[channel.ebay.capabilities]
order_lag_seconds = 2  # the stand-in's order list lags less than eBay's two minutes

[channel.shop]
connector = "woocommerce"
mode = "live"
poll_interval_seconds = 1
sweep_interval_seconds = 5
{shop}
[channel.shop.capabilities]
order_lag_seconds = 1
write_outlasts_seconds = 1  # in life a write without an answer may go on for much longer

[supplier.toolmaker]
connector = "dropship"
fetch_interval_seconds = 1
stale_after_seconds = {stale}
{supplier}
[shortage]
answer_within_seconds = {answer}
refund = "auto"
refund_max = 100
whole_order = "auto"
shop_name = "La Brace"
agent_name = "Chiara"
substitutes = {{ "APRON-X" = ["APRON-Y"] }}
"""


class Stage:
    """Everything the demo plays on. Use as an async context manager; `aclose` ends what was started."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-demo-"))
        self.sandboxes: dict[str, Any] = {}
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        self._daemon: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.aclose)
            await self._raise_curtain()
            undo.pop_all()  # from here on `__aexit__` ends what was started
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _raise_curtain(self) -> None:
        settings: dict[str, str] = {}
        for name, connector in CONNECTORS.items():
            module = load_connector(connector).sandbox_module()
            self.sandboxes[name] = sandbox = await module.start()
            told: Mapping[str, object] = module.settings_at(sandbox.url)
            settings[name] = _toml_lines(name, told, module.EXAMPLE_SECRETS)
            for field, secret in module.EXAMPLE_SECRETS.items():
                file = self.folder / _secret_file(name, field)
                file.touch(mode=0o600)
                file.write_text(secret, encoding="utf-8")
        text = _TOML.format(
            port=self.port,
            ebay=settings[EBAY],
            shop=settings[SHOP],
            supplier=settings[SUPPLIER],
            stale=STALE_SECONDS,
            answer=ANSWER_SECONDS,
        )
        (self.folder / "syncd.toml").write_text(text, encoding="utf-8")

    async def start_daemon(self) -> None:
        """Start `syncd run` and return once it says it is ready."""
        with (self.folder / "daemon.log").open("ab") as log:
            self._daemon = await asyncio.create_subprocess_exec(*self._command("run"), stdout=log, stderr=log)
        await self.until(self._is_ready, START_SECONDS, "the daemon to be ready")

    async def _is_ready(self) -> bool:
        if self._daemon is not None and self._daemon.returncode is not None:
            raise OperatorError(f"the daemon ended at once; its log is {self.folder / 'daemon.log'}")
        try:
            async with self._http.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def command(self, *words: str) -> Any:
        """Run `syncd WORDS… --json` beside the daemon and return what it says."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*words, "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if not out.strip():
            raise OperatorError(f"syncd {' '.join(words)} said nothing: {err.decode(errors='replace').strip()[-500:]}")
        return json.loads(out)

    def _command(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "syncd", "--config", str(self.folder / "syncd.toml"), *words)

    async def scan(self, **scan: object) -> Any:
        """What a hand scanner sends."""
        async with self._http.post(f"{self.url}/api/v1/scans", json=scan) as answer:
            return await answer.json()

    async def get(self, path: str) -> Any:
        """Ask the daemon's API."""
        async with self._http.get(f"{self.url}/api/v1/{path}") as answer:
            return await answer.json()

    async def drive(self, name: str, path: str, **body: object) -> Any:
        """Do something at a stand-in: what its buyers, its owner or fate would do."""
        async with self._http.post(f"{self.sandboxes[name].url}/_sandbox/{path}", json=body) as answer:
            told = await answer.json()
            if answer.status >= 400:
                raise OperatorError(f"the stand-in {name} refused {path}: {told}")
            return told

    async def state(self, name: str) -> Any:
        """Everything a stand-in knows, with the log of its calls."""
        async with self._http.get(f"{self.sandboxes[name].url}/_sandbox/state") as answer:
            return await answer.json()

    async def until(self, condition: Callable[[], Any], seconds: float, what: str) -> float:
        """Wait until an async condition holds; returns how long it took. Raises TimeoutError naming what was
        awaited."""
        started = self.clock.monotonic()
        while not await condition():
            if self.clock.monotonic() - started > seconds:
                raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
            await self.clock.sleep(0.02)
        return self.clock.monotonic() - started

    async def aclose(self) -> None:
        """End the daemon in order, then the stand-ins, and leave nothing behind."""
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._daemon.wait(), 10)
            except TimeoutError:
                self._daemon.kill()
                await self._daemon.wait()
        for sandbox in self.sandboxes.values():
            await sandbox.aclose()
        await self._http.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def end_daemon(self, number: signal.Signals) -> int:
        """Send the daemon a signal and return its exit code once it has ended."""
        if self._daemon is None:
            raise OperatorError("the daemon was not started")
        self._daemon.send_signal(number)
        return await asyncio.wait_for(self._daemon.wait(), 15)

    @property
    def daemon_pid(self) -> int | None:
        """The daemon's process id, once it was started."""
        return self._daemon.pid if self._daemon else None

    @property
    def daemon_ended_with(self) -> int | None:
        """The daemon's exit code once it has ended."""
        return self._daemon.returncode if self._daemon else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _secret_file(name: str, field: str) -> str:
    return f"{name}-{field}.secret"


def _toml_lines(name: str, settings: Mapping[str, object], secrets: Mapping[str, str]) -> str:
    lines = [f"{key} = {_toml_value(value)}" for key, value in settings.items()]
    lines += [f'{field}_file = "{_secret_file(name, field)}"' for field in secrets]
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
