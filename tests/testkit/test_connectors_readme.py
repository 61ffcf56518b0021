"""connectors/README.md tells a stranger the whole contract: it is held against the code it describes."""

from __future__ import annotations

import inspect
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from syncd import errors
from syncd.channel.port import Capabilities, Channel, PushVerdict
from syncd.testkit.channel_fact_cases import ABILITIES

README = Path(__file__).parents[2].joinpath("connectors", "README.md").read_text(encoding="utf-8")


def test_the_example_states_exactly_the_capabilities() -> None:
    """The connector.toml shown there names every capability, with a value of its type, and no other."""
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    stated = tomllib.loads(example)["capabilities"]
    assert list(stated) == [field.name for field in fields(Capabilities)]


@pytest.mark.parametrize("name", [name for name, one in vars(Channel).items() if inspect.iscoroutinefunction(one)])
def test_every_duty_of_a_channel_is_told(name: str) -> None:
    """Each method that a channel must have stands in the table of duties."""
    assert re.search(rf"^\| `{name}\(", README, re.MULTILINE)


@pytest.mark.parametrize("ability", [one.__name__ for one in ABILITIES])
def test_every_optional_ability_is_told(ability: str) -> None:
    """Each optional Protocol stands in the table of abilities."""
    assert re.search(rf"^\| `{ability}` \|", README, re.MULTILINE)


@pytest.mark.parametrize("fault", [one.__name__ for one in errors.RemoteError.__subclasses__()])
def test_every_fault_is_told(fault: str) -> None:
    """Each fault a connector may raise stands in the table of faults."""
    assert re.search(rf"^\| .* \| `{fault}`", README, re.MULTILINE)


@pytest.mark.parametrize("verdict", [one.name for one in PushVerdict])
def test_every_verdict_on_a_push_is_told(verdict: str) -> None:
    """Each outcome of a pushed item is explained."""
    assert f"`{verdict}`" in README
