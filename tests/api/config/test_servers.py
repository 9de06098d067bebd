"""Several model servers, as a file and an environment say it, and everything that can be wrong with that."""

import json
import re
from pathlib import Path

import pytest

from deeper_api.config import AppConfig, ConfigError, load_config
from deeper_api.config.sections import ModelServer
from tests.api.config.values import SETTINGS

README = Path(__file__).parents[3] / "README.md"
CANARY = "canary7q9z3x5v1b8n"
FILE = f"""
[[model.servers]]
name = "gpu-1"
kind = "ollama"
url = "http://gpu-1:11434"
num_ctx = 8192

[[model.servers]]
name = "gpu-2"
kind = "openai"
url = "https://user:{CANARY}@gpu-2/v1"
api_key = "{CANARY}"
weight = 2
parallel = 8
"""
SERVERS = (
    ModelServer(name="gpu-1", kind="ollama", url="http://gpu-1:11434", num_ctx=8_192),
    ModelServer(
        name="gpu-2", kind="openai", url=f"https://user:{CANARY}@gpu-2/v1", api_key=CANARY, weight=2, parallel=8
    ),
)
GOOD = {"name": "a", "kind": "openai", "url": "http://a"}


def load(directory: Path, **environment: str) -> AppConfig:
    return load_config(environment=environment, directory=directory)


def faults(directory: Path, servers: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(directory, DEEPER_MODEL_SERVERS=servers if isinstance(servers, str) else json.dumps(servers))
    return caught.value.faults


def test_a_file_has_a_table_for_each(tmp_path: Path):
    (tmp_path / "deeper.toml").write_text(FILE)
    assert load(tmp_path).model.servers == SERVERS


def test_the_example_of_the_readme_is_one(tmp_path: Path):
    [example] = re.findall(r"<!-- servers -->\n```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (tmp_path / "deeper.toml").write_text(example.replace("…", "sk-1"))
    one, two = load(tmp_path).model.servers
    assert (one.name, one.parallel, two.weight) == ("gpu-1", 2, 0.5)


def test_a_variable_or_the_file_that_it_names_has_all_as_json(tmp_path: Path):
    (tmp_path / "deeper.toml").write_text(FILE)
    given = json.dumps([GOOD])
    (tmp_path / "servers.json").write_text(given + "\n")
    found = ModelServer(name="a", kind="openai", url="http://a")
    assert load(tmp_path, DEEPER_MODEL_SERVERS=given).model.servers == (found,)
    assert load(tmp_path, DEEPER_MODEL_SERVERS_FILE=str(tmp_path / "servers.json")).model.servers == (found,)


def test_without_any_the_one_of_the_other_settings_is_asked(tmp_path: Path):
    assert load(tmp_path).model.servers == ()
    assert load(tmp_path, DEEPER_MODEL_SERVERS=" ").model.servers == ()


def test_they_are_shown_without_their_secrets():
    shown = SETTINGS["model.servers"].show(SERVERS)
    assert CANARY not in shown
    first, second = json.loads(shown)
    assert first == {
        "name": "gpu-1",
        "kind": "ollama",
        "url": "http://gpu-1:11434",
        "api_key": "",
        "weight": 1,
        "parallel": 0,
        "num_ctx": 8_192,
    }
    assert (second["url"], second["api_key"]) == ("https://user:********@gpu-2/v1", "********")


def test_everything_that_is_wrong_is_named_at_once(tmp_path: Path):
    found = faults(
        tmp_path,
        [
            {"name": "Big One", "kind": "vllm", "url": 3, "surplus": 1},
            7,
            {"kind": "ollama"},
            GOOD | {"weight": 0, "parallel": -1, "num_ctx": "many"},
            GOOD,
            GOOD | {"name": "b"},
            GOOD | {"url": "ftp://a", "num_ctx": 4, "api_key": "schl\u00fcssel"},
        ],
    )
    assert found == [
        "DEEPER_MODEL_SERVERS[0]: surplus is no setting of it",
        "DEEPER_MODEL_SERVERS[0].name: Expected `str` matching regex '^[a-z0-9][a-z0-9._-]{0,31}$'",
        "DEEPER_MODEL_SERVERS[0].kind: Expected one of 'ollama', 'openai'",
        "DEEPER_MODEL_SERVERS[0].url: Expected `str`, got `int`",
        "DEEPER_MODEL_SERVERS[1]: Expected a table",
        "DEEPER_MODEL_SERVERS[2]: name is missing",
        "DEEPER_MODEL_SERVERS[2]: url is missing",
        "DEEPER_MODEL_SERVERS[3].weight: Expected a number above 0 and up to 1000",
        "DEEPER_MODEL_SERVERS[3].parallel: Expected a whole number from 0 to 100000",
        "DEEPER_MODEL_SERVERS[3].num_ctx: Expected a whole number from 0 to 16777216",
        "DEEPER_MODEL_SERVERS: two servers are called a",
        "DEEPER_MODEL_SERVERS: a: url is that of another, too",
        "DEEPER_MODEL_SERVERS: b: url is that of another, too",
        "DEEPER_MODEL_SERVERS: a: url must be an address that starts with http:// or https://",
        "DEEPER_MODEL_SERVERS: a: api_key must be printable ASCII",
        "DEEPER_MODEL_SERVERS: a: num_ctx is for servers of the kind ollama",
    ]


@pytest.mark.parametrize("text", ["[", "[{]", "[" * 100_000, f'[{{"name": "{CANARY}'])
def test_what_is_no_json_is_a_fault_and_not_told(tmp_path: Path, text: str):
    assert faults(tmp_path, text) == ["DEEPER_MODEL_SERVERS: Expected JSON, a list of objects"]


@pytest.mark.parametrize("value", [{}, 3, "text", None])
def test_what_is_no_list_is_a_fault(tmp_path: Path, value: object):
    assert faults(tmp_path, json.dumps(value)) == ["DEEPER_MODEL_SERVERS: Expected a list of tables"]


@pytest.mark.parametrize("field", ModelServer.__struct_fields__)
def test_no_fault_tells_a_value(tmp_path: Path, field: str):
    for wrong in (f"\x00{CANARY}", [CANARY], {CANARY: 1}):
        assert CANARY not in "".join(faults(tmp_path, [GOOD | {"kind": "ollama", "surplus": 1, field: wrong}]))


def test_no_representation_tells_a_secret():
    assert CANARY not in repr(SERVERS)
