"""Reading syncd.toml: what is said of a file that is none, and the line of every key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config.source import KeyPath, key_lines, read_source
from syncd.errors import ConfigError


def _refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        read_source(path)
    assert len(refused.value.problems) == 1
    return refused.value.problems[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", " is empty; `syncd init` writes one to start from"),
        (b" \n\n", " is empty; `syncd init` writes one to start from"),
        (b"[http]\nport = \n", ":2: not valid TOML: invalid value in column 8"),
        (b"[http]\nport = 1\nport = 2\n", ":3: not valid TOML: cannot overwrite a value in column 9"),
        (b"[http\n", ":1: not valid TOML: expected ']' at the end of a table declaration in column 6"),
        (b"[http]\nhost = 'x", ':2: not valid TOML: expected "\'" at the end of the file'),
        (b"[http]\n# caff\xe8\n", ":2: not UTF-8 text; save the file with that encoding"),
        (b"#" * 1_000_001, " is larger than 1000000 bytes, so it is hardly a syncd.toml"),
    ],
)
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    """The sentence names the file and, where there is one, the line."""
    path = tmp_path / "syncd.toml"
    path.write_bytes(content)
    assert _refusal(path) == f"{path}{said}"


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """The way out stands in the same sentence."""
    path = tmp_path / "syncd.toml"
    assert _refusal(path) == f"there is no file {path}; `syncd init` writes one to start from"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """What the system says is passed on as part of the sentence."""
    assert _refusal(tmp_path) == f"{tmp_path} cannot be read: is a directory"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "syncd.toml"
    path.write_bytes(b"\xef\xbb\xbf[http]\r\nport = 1\r\n")
    source = read_source(path)
    assert source.data == {"http": {"port": 1}}
    assert source.line(("http", "port")) == 2


TRICKY = '''# [no.table]
a = """
[not.a.table]
b = 1 # not a key
"""
'quoted.key' = 1
[one."two.x"]   # [comment]
k = [ # comment with ] and "
  "]", 'x = 1',
  { inner = 1 },
]
d.e.f = { g = "}" }
lit = \'\'\'
[x]
\'\'\'
[[list]]
n = 1
[[list]]
n = 2
[list.sub]
m = 3
'''


def test_every_way_to_write_a_key_has_its_line() -> None:
    """Strings, comments, arrays over lines, dotted and quoted keys and arrays of tables do not mislead."""
    lines = key_lines(TRICKY)
    expected: dict[KeyPath, int] = {
        ("a",): 2,
        ("quoted.key",): 6,
        ("one",): 7,
        ("one", "two.x"): 7,
        ("one", "two.x", "k"): 8,
        ("one", "two.x", "d"): 12,
        ("one", "two.x", "d", "e"): 12,
        ("one", "two.x", "d", "e", "f"): 12,
        ("one", "two.x", "lit"): 13,
        ("list",): 16,
        ("list", 0): 16,
        ("list", 0, "n"): 17,
        ("list", 1): 18,
        ("list", 1, "n"): 19,
        ("list", 1, "sub"): 20,
        ("list", 1, "sub", "m"): 21,
    }
    assert lines == expected


KEY = st.text(st.sampled_from("ab-_1"), min_size=1, max_size=4)
VALUE = st.sampled_from(
    [
        "1",
        "true",
        '"x#[="',
        "'''\n[a]\nb = 1\n'''",
        '"""\\"\n"""',
        "[1, # ]\n 2]",
        "{ a = 1, b = [2] }",
        "1979-05-27",
    ]
)
TABLE = st.dictionaries(KEY, VALUE, max_size=4)


@given(st.dictionaries(KEY, TABLE, max_size=5))
def test_the_lines_found_are_those_of_the_keys(tables: dict[str, dict[str, str]]) -> None:
    """For any file, every key the TOML reader sees has a line, and that line begins with the key."""
    text = "".join(
        f"\n[{name}] # {name} = 0\n" + "".join(f"  {key} = {value}\n" for key, value in table.items())
        for name, table in tables.items()
    )
    lines = key_lines(text)
    written = text.split("\n")
    data: dict[str, Any] = tomllib.loads(text)
    for name, table in data.items():
        assert written[lines[(name,)] - 1].startswith(f"[{name}]")
        for key in table:
            assert written[lines[(name, key)] - 1].startswith(f"  {key} = ")
    assert len(lines) == len(data) + sum(len(table) for table in data.values())
