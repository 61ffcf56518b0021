"""The settings of every connector in the house can be configured, checked and shown."""

from __future__ import annotations

from syncd.channel.registry import connector_names, load_connector
from syncd.config.sections import ChannelOptions, SupplierOptions


def test_settings_keep_the_contract() -> None:
    """Settings are frozen, refuse unknown keys, describe every field, and take no key that syncd reads itself."""
    for name in connector_names():
        connector = load_connector(name)
        model = connector.settings_type
        assert model.model_config.get("frozen"), name
        assert model.model_config.get("extra") == "forbid", name
        assert [field for field, info in model.model_fields.items() if not info.description] == [], name
        options = ChannelOptions if connector.kind == "channel" else SupplierOptions
        assert not {*options.model_fields, "settings", "capabilities"} & set(model.model_fields), name
