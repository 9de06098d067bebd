"""What is wrong is named, all of it, at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.config import ConfigError, Setting, load_config
from tests.api.config.values import SETTINGS


def faults(
    directory: Path, environment: dict[str, str] | None = None, *, file: str = "", dotenv: str = ""
) -> list[str]:
    """What a start with these layers is refused for; nothing, if it is not."""
    (directory / "deeper.toml").write_text(file, encoding="utf-8")
    (directory / ".env").write_text(dotenv, encoding="utf-8")
    try:
        load_config(environment=environment or {}, directory=directory)
    except ConfigError as error:
        return error.faults
    return []


def test_the_error_itself_lists_the_faults_a_line_each():
    assert str(ConfigError(["This is wrong.", "That, too."])) == "This is wrong.\nThat, too."


def test_an_unknown_variable_is_named(tmp_path: Path):
    assert faults(tmp_path, {"DEEPER_SERVER_PROT": "80"}) == ["DEEPER_SERVER_PROT is no setting"]


def test_an_unknown_variable_in_dotenv_is_named_with_its_place(tmp_path: Path):
    assert faults(tmp_path, dotenv="DEEPER_NONSENSE=1\n") == [".env: DEEPER_NONSENSE is no setting"]


def test_a_file_variable_of_nothing_is_named(tmp_path: Path):
    assert faults(tmp_path, {"DEEPER_NONSENSE_FILE": "/x"}) == ["DEEPER_NONSENSE_FILE is no setting"]


@pytest.mark.parametrize("key", ["server.prot", "sever.port", "server.port.number", "surplus", "server.more.deep"])
def test_an_unknown_key_is_named(tmp_path: Path, key: str):
    assert faults(tmp_path, file=f"{key} = 1\n") == [f"deeper.toml: {key} is no setting"]


def test_a_value_where_a_section_belongs_is_named(tmp_path: Path):
    assert faults(tmp_path, file="server = 80\n") == ["deeper.toml: server is no setting"]


def test_every_fault_of_every_layer_is_in_one_error(tmp_path: Path):
    found = faults(
        tmp_path,
        {
            "DEEPER_DB_POOL_SIZE": "0",
            "DEEPER_X": "1",
            "DEEPER_REDIS_URL": "http://h",
            "DEEPER_JWT_SECRET": "m8Qv0c2kT5yX",
        },
        file="server.port = 'eighty'\nsurplus = true\n",
        dotenv="DEEPER_LOG_LEVEL=loud\nDEEPER_Y=1\nDEEPER_JWT_SECRET_FILE=/nowhere\n",
    )
    expected = (
        "deeper.toml: surplus is no setting",
        ".env: DEEPER_JWT_SECRET_FILE: '/nowhere' cannot be read (No such file or directory)",
        ".env: DEEPER_Y is no setting",
        "DEEPER_X is no setting",
        "deeper.toml: server.port: ",
        ".env: DEEPER_LOG_LEVEL: ",
        "DEEPER_DB_POOL_SIZE: ",
        "DEEPER_REDIS_URL: ",
        "DEEPER_JWT_SECRET: ",
    )
    assert [prefix for prefix in expected if sum(fault.startswith(prefix) for fault in found) != 1] == []
    assert len(found) == len(expected)


def test_a_wrong_value_is_named_with_what_was_given_and_what_is_expected(tmp_path: Path):
    [fault] = faults(tmp_path, {"DEEPER_SERVER_PORT": "70000"})
    assert fault.startswith("DEEPER_SERVER_PORT: ")
    assert "65535" in fault
    assert "(got '70000')" in fault


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("DEEPER_LOG_LEVEL", "'debug', 'error', 'info', 'warning'"),
        ("DEEPER_MODEL_PROVIDER", "'ollama', 'openai', 'scripted'"),
    ],
)
def test_a_word_that_is_none_of_a_few_is_named_with_these(tmp_path: Path, variable: str, words: str):
    assert faults(tmp_path, {variable: "loud"}) == [f"{variable}: Expected one of {words} (got 'loud')"]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DEEPER_SERVER_PORT", "eighty", "a whole number from 1 to 65535"),
        ("DEEPER_MODEL_IDLE_TIMEOUT", "10s", "a number above 0 and up to 86400"),
        ("DEEPER_SERVER_DRAIN_SECONDS", "5 minutes", "a number from 0 to 3600"),
        ("DEEPER_TRACING_SAMPLE_RATIO", "50%", "a number from 0 to 1"),
        ("DEEPER_AUTH_SIGNUP", "on", "true or false"),
    ],
)
def test_what_is_expected_is_said_in_words(tmp_path: Path, variable: str, value: str, expected: str):
    assert faults(tmp_path, {variable: value}) == [f"{variable}: Expected {expected} (got '{value}')"]


def test_a_number_in_quotes_in_the_file_is_called_a_text(tmp_path: Path):
    [fault] = faults(tmp_path, file="server.port = '80'\n")
    assert fault == "deeper.toml: server.port: Expected a whole number from 1 to 65535 (got the text '80')"


def test_a_very_long_value_is_shown_in_part(tmp_path: Path):
    [fault] = faults(tmp_path, {"DEEPER_SERVER_PORT": "9" * 5_000})
    assert len(fault) < 300


@given(st.sampled_from(sorted(SETTINGS)), st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",))))
def test_no_text_whatever_brings_the_loading_down(tmp_path_factory: pytest.TempPathFactory, key: str, text: str):
    setting = SETTINGS[key]
    found = faults(tmp_path_factory.getbasetemp(), {setting.variable: text})
    assert all(fault.startswith(setting.variable) for fault in found)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
def test_bytes_that_are_no_text_are_a_fault(tmp_path: Path, setting: Setting):
    # How Python hands on what it could not decode.
    [fault] = faults(tmp_path, {setting.variable: b"a\xff".decode(errors="surrogateescape")})
    assert fault == f"{setting.variable}: must be text in UTF-8"


@pytest.mark.parametrize("text", ["yes?", "maybe", ""])
def test_a_switch_is_on_or_off(tmp_path: Path, text: str):
    [fault] = faults(tmp_path, {"DEEPER_AUTH_SIGNUP": text})
    assert fault.startswith("DEEPER_AUTH_SIGNUP: ")


@pytest.mark.parametrize(("key", "value"), [("server.port", "'80'"), ("auth.signup", "'true'"), ("server.host", "1")])
def test_the_file_has_types_of_its_own_and_nothing_is_guessed(tmp_path: Path, key: str, value: str):
    [fault] = faults(tmp_path, file=f"{key} = {value}\n")
    assert fault.startswith(f"deeper.toml: {key}: ")


@pytest.mark.parametrize("value", ["nan", "inf", "-1.0", "1e9"])
def test_a_duration_is_a_number_within_bounds(tmp_path: Path, value: str):
    assert len(faults(tmp_path, {"DEEPER_SERVER_DRAIN_SECONDS": value})) == 1
    assert len(faults(tmp_path, file=f"server.drain_seconds = {value}\n")) == 1


def test_a_file_that_is_no_toml_is_a_fault(tmp_path: Path):
    [fault] = faults(tmp_path, file="[server\n")
    assert fault.startswith(f"{tmp_path / 'deeper.toml'}: not valid TOML: ")


@pytest.mark.parametrize("name", ["deeper.toml", ".env"])
def test_a_file_that_is_not_utf8_is_a_fault(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"DEEPER_JWT_ISSUER='\xff'\n")
    with pytest.raises(ConfigError) as caught:
        load_config(environment={}, directory=tmp_path)
    assert caught.value.faults == [f"{tmp_path / name}: cannot be read (it is not text in UTF-8)"]


def test_a_folder_in_place_of_a_file_is_a_fault(tmp_path: Path):
    (tmp_path / "deeper.toml").mkdir()
    with pytest.raises(ConfigError, match=r"deeper\.toml: cannot be read \(Is a directory\)"):
        load_config(environment={}, directory=tmp_path)


def test_a_line_of_dotenv_that_cannot_be_understood_is_a_fault(tmp_path: Path):
    [fault] = faults(tmp_path, dotenv="DEEPER_LOG_LEVEL=info\nDEEPER_JWT_SECRET='never closed\n")
    assert fault.startswith(f"{tmp_path / '.env'}: line 2 ")
    assert "never closed" not in fault
