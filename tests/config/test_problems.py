"""What is said when syncd.toml is wrong: one sentence each, with file, line and key, and all of them at once."""

from __future__ import annotations

import pytest

from tests.config.conftest import Problems

CHANNEL = '[channel.acme]\nconnector = "acme"\nurl = "https://x.example.com"\napp_id = "a"\napp_secret_env = "S"\n'
"""Five lines that are right; what a test adds begins in line 6."""

ENVIRON = {"S": "hunter2"}

WRONG: list[tuple[str, str]] = [
    ("[http]\nport = 'abc'\n", "2: [http] 'port' must be a whole number, not text in quotes"),
    ("[http]\nport = 80.5\n", "2: [http] 'port' must be a whole number, not a number with decimals"),
    ("[http]\nport = 70000\n", "2: [http] 'port' must be at most 65535"),
    ("[http]\nhost = 8\n", "2: [http] 'host' must be text in quotes, not a whole number"),
    ("[http]\nhots = 'x'\n", "2: [http] unknown key 'hots'; did you mean 'host'?"),
    (
        "[http]\nqqqqq = 'x'\n",
        "2: [http] unknown key 'qqqqq'; known keys: "
        "api_token_credential, api_token_env, api_token_file, host, port, public_url",
    ),
    ("[http]\npublic_url = 'ftp://x'\n", "2: [http] 'public_url' must be a URL such as https://example.com"),
    (
        "[mqtt]\nbroker = 'mqtt://u:p@h'\n",
        "2: [mqtt] 'broker' must not hold a password; give it as password_env, ",
    ),
    ("[mqtt]\ntopic_prefix = '#'\n", "2: [mqtt] 'topic_prefix' must match "),
    ("[database]\nurl = 'sqlite://'\n", "2: [database] 'url' must name a file: sqlite:///syncd.db, or "),
    (
        "[database]\nurl = 'mysql://h/d'\n",
        "2: [database] 'url' must be a URL such as postgresql://example.com, or ",
    ),
    (
        "[database]\npassword = 'p'\n",
        "2: [database] 'password' is a secret and may not stand in the file itself; ",
    ),
    ("[daemon]\nname = ''\n", "2: [daemon] 'name' must have at least 1 character"),
    (
        "[daemon]\nlog_format = 'jsno'\n",
        "2: [daemon] 'log_format' must be 'console', 'json' or 'auto'; did you mean ",
    ),
    ("\n[deamon]\n", "2: unknown section [deamon]; did you mean [daemon]?"),
    ("http = 80\n", "1: 'http' must be a table; write [http] and its keys below it"),
    (
        "[channel]\nconnector = 'acme'\n",
        "2: [channel] needs a name of your choice: write [channel.NAME] and ",
    ),
    ("channel = 3\n", "1: [channel] needs a name of your choice: write [channel.NAME] and its keys below it"),
    (
        "[channel.'a:b']\nconnector = 'acme'\n",
        "1: [channel.a:b] the name must begin with a letter a–z and hold only ",
    ),
    ("[channel.b]\n", "1: [channel.b] 'connector' is missing"),
    ("[channel.b]\nconnector = 3\n", "2: [channel.b] 'connector' must be text in quotes, not a whole number"),
    (
        "[channel.b]\nconnector = 'amce'\n",
        "2: [channel.b] there is no connector 'amce'; did you mean 'acme'?",
    ),
    (
        "[channel.b]\nconnector = 'ebuy'\n",
        "2: [channel.b] there is no connector 'ebuy'; known connectors: acme, grocer",
    ),
    (
        "[channel.b]\nconnector = 'grocer'\n",
        "2: [channel.b] 'grocer' is a connector for a supplier: write [supplier.b]",
    ),
    (
        CHANNEL + "mode = 'lvie'\n",
        "6: [channel.acme] 'mode' must be 'observe' or 'live'; did you mean 'live'?",
    ),
    (CHANNEL + "mode = 1\n", "6: [channel.acme] 'mode' must be 'observe' or 'live', not a whole number"),
    (CHANNEL + "locations = []\n", "6: [channel.acme] 'locations' must have at least 1 entry"),
    (
        CHANNEL + "locations = [\n'a',\n3]\n",
        "6: [channel.acme] 'locations[2]' must be text in quotes, not a whole ",
    ),
    (
        CHANNEL + "poll_interval_seconds = 0\n",
        "6: [channel.acme] 'poll_interval_seconds' must be greater than 0",
    ),
    (
        CHANNEL + "poll_interval_seconds = nan\n",
        "6: [channel.acme] 'poll_interval_seconds' must be a finite number",
    ),
    (
        CHANNEL + "sweep_interval_seconds = 1e300\n",
        "6: [channel.acme] 'sweep_interval_seconds' must be at most 1000000000",
    ),
    (
        "[shortage]\nanswer_within_seconds = 1e10\n",
        "2: [shortage] 'answer_within_seconds' must be at most 1000000000",
    ),
    (CHANNEL + "timeout_seconds = inf\n", "6: [channel.acme] 'timeout_seconds' must be a finite number"),
    (CHANNEL + "apid_id = 'x'\n", "6: [channel.acme] unknown key 'apid_id'; did you mean 'app_id'?"),
    (
        CHANNEL + "app_secert_env = 'x'\n",
        "6: [channel.acme] unknown key 'app_secert_env'; did you mean 'app_secret_env'?",
    ),
    (CHANNEL + "mail = { hots = 'x' }\n", "6: [channel.acme] unknown key 'mail.hots'; did you mean 'host'?"),
    (
        CHANNEL + "[channel.acme.settings]\ntimeout_seconds = 'x'\n",
        "7: [channel.acme.settings] 'timeout_seconds' must be ",
    ),
    (
        CHANNEL + "[channel.acme.settings]\nurl = 'x'\n",
        "7: [channel.acme.settings] 'url' is given twice: also in ",
    ),
    (CHANNEL + "settings = 3\n", "6: [channel.acme] 'settings' must be a table"),
    (
        CHANNEL + "token = 'x'\n",
        "6: [channel.acme] 'token' is a secret and may not stand in the file itself; give token_env ",
    ),
    (CHANNEL + "token_env = 'S'\n", "6: [channel.acme] 'token' is not acceptable as it is"),
    (
        CHANNEL + "mail.password = 'x'\n",
        "6: [channel.acme] 'mail.password' is a secret and may not stand in the file ",
    ),
    (
        "[supplier.g]\nconnector = 'grocer'\nfeed_url = 'x'\nlinks = { K = '' }\n",
        "4: [supplier.g] 'links.K' '' is not a SKU",
    ),
    (
        "[supplier.g]\nconnector = 'grocer'\nfeed_url = 'x'\nconfidence = 2\n",
        "4: [supplier.g] 'confidence' must be at most 1",
    ),
    ("[supplier.g]\nconnector = 'grocer'\n", "1: [supplier.g] 'feed_url' is missing"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_one_mistake_is_one_sentence(problems: Problems, text: str, said: str) -> None:
    """A single mistake gives a single sentence that begins with its place."""
    found = problems(text, ENVIRON)
    assert len(found) == 1, found
    assert found[0].startswith(f"syncd.toml:{said}")


def test_all_mistakes_are_told_at_once_in_order(problems: Problems) -> None:
    """Nobody has to start the daemon once for each mistake."""
    found = problems(
        "[deamon]\n[http]\nport = 'x'\n"
        "[channel.b]\nconnector = 'nope'\nmode = 'lvie'\n[supplier.g]\nconnector = 'grocer'\n"
    )
    assert [problem.split(":")[1] for problem in found] == ["1", "3", "5", "6", "7"]


def test_a_missing_secret_says_how_to_give_it(problems: Problems) -> None:
    """A required secret that is not given names the three ways."""
    found = problems('[channel.acme]\nconnector = "acme"\nurl = "https://x.example.com"\napp_id = "a"\n')
    assert found == [
        "syncd.toml:1: [channel.acme] 'app_secret' is missing; give app_secret_env (a variable), "
        "app_secret_file (a path) or app_secret_credential (systemd)"
    ]


def test_no_value_is_ever_repeated(problems: Problems) -> None:
    """What stands at the wrong place may be a secret, so a complaint does not quote it."""
    text = CHANNEL + (
        "token = 'opensesame'\napp_secert = 'opensesame'\ntimeout_seconds = 'opensesame'\nlocations = 'opensesame'\n"
        "[http]\nport = 'opensesame'\n[database]\nurl = 'postgresql://u:opensesame@h/d'\n"
    )
    found = problems(text, ENVIRON)
    assert len(found) == 6
    assert "opensesame" not in "\n".join(found)


def test_what_a_validator_says_of_a_secret_is_withheld(problems: Problems) -> None:
    """A connector's own check of a secret may quote it; its words are not passed on."""
    assert "hunter2" not in "\n".join(problems(CHANNEL + "token_env = 'S'\n", ENVIRON))
