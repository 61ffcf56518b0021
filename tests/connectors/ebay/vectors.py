"""Recorded answers and published vectors, as files beside the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"

VECTORS: dict[str, dict[str, Any]] = json.loads((RECORDED / "x-ebay-signature-vectors.json").read_text("utf-8"))
"""eBay/event-notification-nodejs-sdk, test/test.json (Apache-2.0)."""


def recorded(name: str) -> bytes:
    """A reply as eBay sent it, names and addresses taken out (skuvault-integrations/ebayAccess, BSD)."""
    return (RECORDED / name).read_bytes()
