"""Topics and payloads: pure names, by table."""

from __future__ import annotations

import json

import pytest

from syncd.identity import Sku
from syncd.mqtt.topics import Broker, Topics, result_payload, status_payload, unread_payload
from syncd.scanner.scan import ScanResult, ScanVerdict

TOPICS = Topics("shop/eu")


def test_every_topic_is_versioned_and_under_the_prefix() -> None:
    """One prefix, one version, one place for each thing."""
    assert TOPICS.scans == "shop/eu/v1/scan/+"
    assert TOPICS.result("till-1") == "shop/eu/v1/scan/till-1/result"
    assert TOPICS.status == "shop/eu/v1/status"
    assert TOPICS.movements == "shop/eu/v1/event/movement"
    assert TOPICS.attention == "shop/eu/v1/attention"
    assert TOPICS.availability(Sku("GLOVE-X")) == "shop/eu/v1/availability/GLOVE-X"


@pytest.mark.parametrize(
    ("topic", "station"),
    [
        ("shop/eu/v1/scan/till-1", "till-1"),
        ("shop/eu/v1/scan/", None),
        ("shop/eu/v1/scan/till-1/result", None),
        ("shop/eu/v2/scan/till-1", None),
        ("shop/v1/scan/till-1", None),
        ("shop/eu/v1/scan/" + "x" * 101, None),
    ],
)
def test_a_station_is_the_last_part_of_its_topic(topic: str, station: str | None) -> None:
    """Our own results and other versions are nobody's scans."""
    assert TOPICS.station(topic) == station


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://broker.example.com", Broker("broker.example.com", 1883, uses_tls=False)),
        ("mqtts://broker.example.com", Broker("broker.example.com", 8883, uses_tls=True)),
        ("mqtt://127.0.0.1:11883", Broker("127.0.0.1", 11883, uses_tls=False)),
        ("mqtt://[::1]:11883", Broker("::1", 11883, uses_tls=False)),
    ],
)
def test_a_broker_is_a_url(url: str, broker: Broker) -> None:
    """Ports have their usual defaults."""
    assert Broker.parse(url) == broker


@pytest.mark.parametrize("url", ["", "http://x", "mqtt://", "broker:1883"])
def test_what_is_no_broker_is_refused(url: str) -> None:
    """One sentence says how it is written."""
    with pytest.raises(ValueError, match="a broker is written mqtt://HOST:PORT or mqtts://HOST:PORT"):
        Broker.parse(url)


def test_payloads_are_json() -> None:
    """Results, refusals and the status read as a station expects them."""
    result = ScanResult("s1", ScanVerdict.POSTED, "sold", Sku("GLOVE-X"))
    assert json.loads(result_payload(result)) == {
        "scan_id": "s1",
        "verdict": "posted",
        "sku": "GLOVE-X",
        "sentence": "sold",
        "stock": [],
        "count": None,
        "broken": 0,
    }
    refused = json.loads(unread_payload("unreadable", "kind: …", scan_id=None, problems=["kind: …"]))
    assert refused == {"scan_id": None, "verdict": "unreadable", "sentence": "kind: …", "problems": ["kind: …"]}
    assert json.loads(status_payload(is_online=False)) == {"status": "offline"}
