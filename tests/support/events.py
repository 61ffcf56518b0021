"""What syncd writes to its log while a test runs."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from syncd import telemetry
from syncd.clock import SystemClock


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """Every event, as JSON lines."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    telemetry.configure("json", "debug", clock=SystemClock(), stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level
