"""What of the configuration is watched: which channels and suppliers there are, and what they allow."""

from __future__ import annotations

from syncd.config.sections import Config
from syncd.vitals.figure import Watched


def watched_of(config: Config) -> Watched:
    """What `/metrics` and `syncd status` tell of."""
    live = {name: one.options.mode == "live" for name, one in config.channels.items()}
    per_day = {name: one.capabilities.calls_per_day for name, one in config.channels.items()}
    return Watched(live, per_day, tuple(config.suppliers))
