"""The files in deploy/: units that systemd reads and finds well shut off, and that name what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SERVICES = sorted(path.name for path in DEPLOY.glob("*.service"))
EXPOSURE_MAX = 2.0

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here: apt-get install systemd"
)


@needs_analyze
@pytest.mark.parametrize("unit", SERVICES)
def test_the_unit_is_shut_off_from_the_machine(unit: str) -> None:
    """What systemd itself says of it: an exposure of 2.0 at most, on its scale from 0 to 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(DEPLOY / unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= EXPOSURE_MAX, said


@needs_analyze
def test_systemd_reads_every_unit_without_complaint(tmp_path: Path) -> None:
    """No misspelt key, no bad value; the program they start is put where they look for it."""
    program = tmp_path / "syncd"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    files = [path for pattern in ("*.service", "*.socket", "*.timer") for path in DEPLOY.glob(pattern)]
    for file in files:
        text = file.read_text(encoding="utf-8").replace("/opt/syncd/.venv/bin/syncd", str(program))
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / file.name) for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if str(tmp_path) in line or "syncd" in line]
    assert ours == []


def test_the_daemons_unit_says_what_the_daemon_does() -> None:
    """Readiness, watchdog, reload, credentials and a user of its own."""
    text = (DEPLOY / "syncd.service").read_text(encoding="utf-8")
    for line in ("Type=notify", "NotifyAccess=main", "DynamicUser=yes", "ExecReload=/bin/kill -HUP $MAINPID"):
        assert f"\n{line}\n" in text
    assert re.search(r"^WatchdogSec=\d+$", text, re.MULTILINE)
    assert "\n#LoadCredential=" in text


def test_the_compose_file_is_one() -> None:
    """It parses, every secret and volume a service names is declared, and the Dockerfile it builds from is there."""
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in told["services"].items():
        assert set(service.get("secrets", [])) <= set(told["secrets"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith(".") or source in told["volumes"], (name, volume)
    build = told["services"]["syncd"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert copied
    assert all((ROOT / name).exists() for line in copied for name in line.split())


@pytest.mark.parametrize("file", ["nginx.conf", "Caddyfile"])
def test_the_proxies_open_two_paths_and_no_more(file: str) -> None:
    """/hooks/ and /c/ are everybody's; /api and /metrics stay closed; customers' addresses reach no log."""
    text = "\n".join(
        line for line in (DEPLOY / file).read_text(encoding="utf-8").splitlines() if not line.strip().startswith("#")
    )
    assert "hooks" in text
    assert "8713" in text
    assert "404" in text
    assert "/api" not in text
    assert "/metrics" not in text
    if file == "nginx.conf":
        assert "$request_uri" not in text.replace("return 301 https://$host$request_uri", "")
        assert text.count("{") == text.count("}")
