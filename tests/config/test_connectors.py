"""The settings of every connector in the house can be configured, checked and shown."""

from __future__ import annotations

import pytest

from syncd.channel.registry import connector_names, load_connector
from syncd.config.sections import ChannelOptions, SupplierOptions


@pytest.mark.parametrize("name", connector_names())
def test_settings_keep_the_contract(name: str) -> None:
    """Settings are frozen, refuse unknown keys, describe every field, and take no key that syncd reads itself."""
    connector = load_connector(name)
    model = connector.settings_type
    assert model.model_config.get("frozen")
    assert model.model_config.get("extra") == "forbid"
    assert [field for field, info in model.model_fields.items() if not info.description] == []
    options = ChannelOptions if connector.kind == "channel" else SupplierOptions
    assert not {*options.model_fields, "settings", "capabilities"} & set(model.model_fields)
