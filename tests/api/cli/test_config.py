"""``deeper config``, and what is said where the configuration is wrong."""

import re

import pytest

from deeper_api.config import AppConfig, environment_matrix, load_config, settings, value_of
from tests.api.cli.commands import Deeper

CANARY = "canary7q9z3x5v1b8n"
SECRET = "0f9b4c7d2e8a61537092bd4e8f6c1a35"
DATABASE = f"postgresql://someone:{CANARY}@127.0.0.1:9/name"


def test_it_prints_every_setting_and_its_default(deeper: Deeper):
    done = deeper("config", DEEPER_OLLAMA_URL=AppConfig().ollama.url)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"{setting.variable}={setting.show(setting.default)}" for setting in settings()]


def test_it_prints_what_files_and_the_environment_say_and_masks_secrets(deeper: Deeper):
    (deeper.folder / "deeper.toml").write_text("[server]\nport = 81\nworkers = 2\n")
    (deeper.folder / ".env").write_text("DEEPER_SERVER_WORKERS=3\n")
    done = deeper("config", DEEPER_JWT_SECRET=SECRET, DEEPER_DB_URL=DATABASE, DEEPER_LOG_LEVEL="debug")
    lines = done.out.splitlines()
    assert "DEEPER_SERVER_PORT=81" in lines
    assert "DEEPER_SERVER_WORKERS=3" in lines
    assert "DEEPER_LOG_LEVEL=debug" in lines
    assert "DEEPER_JWT_SECRET=********" in lines
    assert "DEEPER_DB_URL=postgresql://someone:********@127.0.0.1:9/name" in lines


def test_its_output_is_a_dotenv_file(deeper: Deeper):
    given = {
        "DEEPER_JWT_ISSUER": 'it\'s # a "name" \\ with = everything',
        "DEEPER_SERVER_ALLOWED_ORIGINS": "https://a.example,https://b.example",
        "DEEPER_AUTH_SIGNUP": "false",
        "DEEPER_SERVER_DRAIN_SECONDS": "0.5",
        "DEEPER_JWT_AUDIENCE": " padded ",
    }
    (deeper.folder / ".env").write_text(deeper("config", **given).out)
    again = load_config(environment={}, directory=deeper.folder)
    direct = load_config(
        environment={"DEEPER_OLLAMA_URL": again.ollama.url, **given}, directory=deeper.folder / "elsewhere"
    )
    differing = [setting.key for setting in settings() if value_of(again, setting) != value_of(direct, setting)]
    assert differing == []


def test_the_table_is_that_of_the_readme(deeper: Deeper):
    assert deeper("config", "--markdown").out == environment_matrix()


def test_the_table_needs_no_configuration_that_is_right(deeper: Deeper):
    assert deeper("config", "--markdown", DEEPER_NONSENSE="1").code == 0


def test_a_check_fails_where_a_server_would_not_start(deeper: Deeper):
    done = deeper("config", "--check")
    assert done.code == 2
    assert "DEEPER_DB_URL is missing" in done.said
    assert "DEEPER_JWT_SECRET is missing" in done.said


def test_a_check_passes_where_a_server_would_start(deeper: Deeper):
    assert deeper("config", "--check", DEEPER_JWT_SECRET=SECRET, DEEPER_DB_URL="postgresql://h/d").code == 0


@pytest.mark.parametrize("command", ["serve", "config"])
def test_every_fault_is_listed_at_once(deeper: Deeper, command: str):
    (deeper.folder / "deeper.toml").write_text("surplus = 1\n")
    done = deeper(command, DEEPER_SERVER_PORT="eighty", DEEPER_NONSENSE="1", DEEPER_JWT_SECRET="changeme")
    assert done.code == 2
    assert "The configuration cannot be used:" in done.said
    faults = ["- deeper.toml: surplus", "- DEEPER_NONSENSE", "- DEEPER_SERVER_PORT: ", "- DEEPER_JWT_SECRET: "]
    faults += ["- DEEPER_DB_URL is missing"] if command == "serve" else []
    assert [fault for fault in faults if fault not in done.said] == []
    assert "changeme" not in done.said


def test_a_server_that_lacks_everything_names_everything(deeper: Deeper):
    done = deeper("serve")
    assert done.code == 2
    assert "DEEPER_DB_URL is missing" in done.said
    assert "DEEPER_JWT_SECRET is missing" in done.said


@pytest.mark.parametrize("arguments", [("config",), ("serve",), ("migrate",), ("user", "list"), ("dev",)], ids=" ".join)
@pytest.mark.parametrize(
    ("database", "code"),
    [(DATABASE, 1), (f"host=127.0.0.1 {CANARY}", 1), (f"nonsense {CANARY}", 2)],
    ids=["unreachable", "unreadable", "of another kind"],
)
def test_no_secret_of_the_environment_is_ever_printed(
    deeper: Deeper, arguments: tuple[str, ...], database: str, code: int
):
    (deeper.folder / "secret").write_text(CANARY * 2)
    done = deeper(
        *arguments,
        DEEPER_DB_URL=database,
        DEEPER_JWT_SECRET_FILE=str(deeper.folder / "secret"),
        DEEPER_OPENAI_API_KEY=CANARY,
        DEEPER_REDIS_URL=f"redis://:{CANARY}@127.0.0.1:9",
    )
    assert done.code == (0 if arguments == ("config",) and code == 1 else code)
    assert CANARY not in done.said
    if done.code:
        assert re.search("database|DEEPER_DB_URL", done.said)
