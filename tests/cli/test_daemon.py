"""run and sandbox as processes: they say where they serve, work beside other commands, and end when told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from syncd.channel.registry import connector_names, load_connector
from syncd.cli.sandbox import introduction
from syncd.config.load import load_config
from tests.support.cli import Shop

ROOT = Path(__file__).parents[2]
LINES_MAX = 200


@contextmanager
def process(shop: Shop, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on; killed at the end if it has not ended by then."""
    command = [sys.executable, "-m", "syncd", "-c", str(shop.config), *words]
    environ = {**os.environ, **shop.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, cwd=ROOT
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def line_with(stream: object, word: str) -> str:
    """The first line that holds the word; the process must say it before it ends."""
    for _ in range(LINES_MAX):
        line: str = stream.readline()  # type: ignore[attr-defined]
        assert line, f"it ended without saying {word}"
        if word in line:
            return line
    raise AssertionError(f"{word} was not said in {LINES_MAX} lines")


@pytest.fixture
def quiet(shop: Shop) -> Shop:
    """A daemon without channels, on any free port."""
    shop.config.write_text('[daemon]\nlog_format = "json"\n[http]\nport = 0\n', encoding="utf-8")
    return shop


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_in_order(quiet: Shop, how: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end the daemon in order: exit code 0, and `daemon.stopped` is its last word."""
    with process(quiet, "run") as daemon:
        started = json.loads(line_with(daemon.stderr, "daemon.started"))
        assert started["url"].startswith("http://127.0.0.1:")
        daemon.send_signal(how)
        _, err = daemon.communicate(timeout=20)
        assert daemon.returncode == 0
        assert "daemon.stopped" in err.strip().splitlines()[-1]


def test_a_second_interrupt_ends_at_once(shop: Shop) -> None:
    """While a channel keeps the orderly end waiting, a second Ctrl-C does not: exit code 130, and it says so."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        toml = shop.config.read_text(encoding="utf-8").replace("http://127.0.0.1:9", url)
        shop.config.write_text(f'[daemon]\nlog_format = "json"\n[http]\nport = 0\n{toml}', encoding="utf-8")
        with process(shop, "run") as daemon:
            address = urlsplit(json.loads(line_with(daemon.stderr, "daemon.started"))["url"])
            waiting, _ = silent.accept()
            with waiting:
                daemon.send_signal(signal.SIGINT)
                wait_until(lambda: not is_open(str(address.hostname), int(address.port or 0)))
                daemon.send_signal(signal.SIGINT)
                _, err = daemon.communicate(timeout=20)
            assert daemon.returncode == 130
            assert "what was committed is kept" in err


def is_open(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as knock:
        return knock.connect_ex((host, port)) == 0


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds; fail after some seconds."""
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_commands_work_beside_the_daemon(quiet: Shop) -> None:
    """A movement posted by a command while the daemon runs is what the daemon's API tells."""
    with process(quiet, "run") as daemon:
        url = json.loads(line_with(daemon.stderr, "daemon.started"))["url"]
        quiet.stocked("GLOVE-X", 3)
        with urllib.request.urlopen(f"{url}/api/v1/stock?sku=GLOVE-X", timeout=10) as answer:
            told = json.load(answer)
        assert told["items"][0]["stock"] == [
            {key: value for key, value in quiet.told("stock", "show")[0].items() if key != "title"}
        ]


def test_run_says_that_its_port_is_taken(quiet: Shop) -> None:
    """A second daemon on the same port ends with one sentence and no traceback."""
    with process(quiet, "run") as daemon:
        url = json.loads(line_with(daemon.stderr, "daemon.started"))["url"]
        port = url.rpartition(":")[2]
        quiet.config.write_text(f"[http]\nport = {port}\n", encoding="utf-8")
        second = quiet.other_process("run")
        assert second.code == 1
        assert port in second.err
        assert "Traceback" not in second.err


@pytest.mark.parametrize("name", connector_names())
def test_sandbox_says_how_to_talk_to_it(shop: Shop, name: str) -> None:
    """With --json one value says everything; a syncd.toml of its lines loads, and `check` finds it answering."""
    with process(shop, "sandbox", name, "--json") as stand_in:
        text = ""
        while not text.endswith("}\n}\n") and not text.endswith("{}\n}\n"):
            line = stand_in.stdout.readline()  # type: ignore[union-attr]
            assert line, stand_in.stderr.read()  # type: ignore[union-attr]
            text += line
        told = json.loads(text)
        shop.config.write_text(told["toml"], encoding="utf-8")
        shop.environ.update(told["environment"])
        checked = shop.told("check")
        assert {one["name"]: one["ok"] for one in checked["standings"]}[name] is True
        for secret in told["environment"].values():
            assert secret not in json.dumps(checked)
        stand_in.send_signal(signal.SIGINT)
        stand_in.communicate(timeout=20)
        assert stand_in.returncode == 0


@pytest.mark.parametrize("name", connector_names())
def test_the_lines_of_a_sandbox_load(tmp_path: Path, name: str) -> None:
    """What a sandbox says to write is a configuration with every secret in the environment."""
    connector = load_connector(name)
    toml, environment = introduction(connector, connector.sandbox_module(), "http://127.0.0.1:8101")
    (tmp_path / "syncd.toml").write_text(toml, encoding="utf-8")
    config = load_config(tmp_path / "syncd.toml", environment)
    assert name in {**config.channels, **config.suppliers}


def test_sandbox_of_no_connector(shop: Shop) -> None:
    """A name that is none is refused with the nearest."""
    assert "did you mean ebay?" in shop.refused("sandbox", "ebai")


def test_sandbox_on_a_port_that_is_taken(quiet: Shop) -> None:
    """A port in use is one sentence."""
    with process(quiet, "run") as daemon:
        port = json.loads(line_with(daemon.stderr, "daemon.started"))["url"].rpartition(":")[2]
        assert "cannot be listened on" in quiet.refused("sandbox", "dropship", "--port", port)
