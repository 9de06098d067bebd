"""``deeper user``."""

from pathlib import Path

import pytest

from tests.api.cli.commands import Deeper, Dev, postgres_of

PASSWORD = "a quiet harbour at dawn"


@pytest.fixture
def users(deeper: Deeper, database_url: str) -> Deeper:
    """The command on a database of the test's own; hashing costs nothing."""
    cheap = {"DEEPER_AUTH_ARGON2_MEMORY_KIB": "8", "DEEPER_AUTH_ARGON2_TIME_COST": "1"}
    return deeper.but(DEEPER_DB_URL=database_url, DEEPER_PROFILE="dev", **cheap)


def create(deeper: Deeper, email: str, *arguments: str) -> None:
    done = deeper("user", "create", email, "--password-stdin", *arguments, stdin=f"{PASSWORD}\n")
    assert (done.code, done.err) == (0, "")
    assert PASSWORD not in done.out


def listed(deeper: Deeper) -> list[list[str]]:
    """E-mail address, role and state of every account."""
    return [line.split("\t")[1:4] for line in deeper("user", "list").out.splitlines()]


def test_accounts_are_made_listed_and_changed(users: Deeper):
    assert users("user", "list").out == ""
    create(users, "a@example.com")
    create(users, "b@example.com", "--role", "admin")
    assert listed(users) == [["b@example.com", "admin", "active"], ["a@example.com", "user", "active"]]
    assert users("user", "disable", "A@example.com").out == "Disabled a@example.com (user, disabled).\n"
    assert users("user", "role", "b@example.com", "user").out == "Changed b@example.com (user).\n"
    assert listed(users) == [["b@example.com", "user", "active"], ["a@example.com", "user", "disabled"]]
    assert users("user", "enable", "a@example.com").out == "Enabled a@example.com (user).\n"
    assert listed(users)[1] == ["a@example.com", "user", "active"]


def test_a_duplicate_is_explained(users: Deeper):
    create(users, "a@example.com")
    done = users("user", "create", "A@Example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert done.code == 1
    assert "There is an account with this e-mail address already." in done.said
    assert len(listed(users)) == 1


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "A password has at least 8 characters."),
        ("password1", "one of the most common ones"),
        ("a@example.com", "must not be the e-mail address"),
        ("", "A password has at least 8 characters."),
    ],
)
def test_a_weak_password_is_explained_and_not_repeated(users: Deeper, password: str, reason: str):
    done = users("user", "create", "a@example.com", "--password-stdin", stdin=f"{password}\n")
    assert done.code == 1
    assert reason in done.said
    assert "request" not in done.said
    assert not password or password == "a@example.com" or password not in done.said
    assert listed(users) == []


def test_an_address_that_is_none_is_explained(users: Deeper):
    done = users("user", "create", "nobody", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert done.code == 1
    assert "e-mail" in done.said


@pytest.mark.parametrize(
    "arguments", [("disable",), ("enable",), ("role", "admin"), ("password", "--generate")], ids=" ".join
)
def test_an_account_that_is_not_there_is_explained(users: Deeper, arguments: tuple[str, ...]):
    command, *more = arguments
    done = users("user", command, "nobody@example.com", *more)
    assert done.code == 1
    assert "There is no account with this e-mail address." in done.said


def test_a_password_can_be_made_up(users: Deeper):
    done = users("user", "create", "a@example.com", "--generate")
    assert done.code == 0
    created, generated = done.out.splitlines()
    assert created.startswith("Created a@example.com (user), id ")
    assert len(generated.removeprefix("Password: ")) == 24


def test_two_sources_of_a_password_exclude_each_other(users: Deeper):
    done = users("user", "create", "a@example.com", "--generate", "--password-stdin")
    assert done.code == 2
    assert "exclude each other" in done.said


def test_without_a_password_and_a_terminal_to_ask_at_nothing_is_made(users: Deeper):
    done = users("user", "create", "a@example.com")
    assert done.code == 2
    assert "There is no terminal to ask for the password. Give it with --password-stdin or --generate." in done.said
    assert listed(users) == []


def test_accounts_of_a_running_dev_can_be_changed_and_sign_in_accordingly(dev: Dev):
    def can_sign_in(password: str) -> bool:
        (dev.data.parent / "password").write_text(f"{password}\n")
        return dev.deeper("chat", "hi", "--email", "c@example.com", "--password-file", "password").code == 0

    create(dev.deeper, "c@example.com")
    assert can_sign_in(PASSWORD)
    done = dev.deeper("user", "password", "c@example.com", "--generate")
    new = done.out.splitlines()[1].removeprefix("Password: ")
    assert not can_sign_in(PASSWORD)
    assert can_sign_in(new)
    dev.deeper("user", "disable", "c@example.com")
    assert not can_sign_in(new)


@pytest.mark.parametrize("command", [("user", "list"), ("migrate",), ("migrate", "--check")], ids=" ".join)
def test_where_no_database_is_meant_none_is_made(deeper: Deeper, command: tuple[str, ...]):
    done = deeper(*command)
    assert done.code == 1
    assert "DEEPER_DB_URL is not set, and `deeper dev` has not made a database in" in done.said
    assert list(deeper.folder.iterdir()) == []


def test_accounts_of_a_dev_that_does_not_run_can_be_changed(data: Path):
    deeper = Deeper(data.parent, {"DEEPER_DATA_DIR": str(data)})
    create(deeper, "d@example.com")
    assert listed(deeper) == [["d@example.com", "user", "active"], ["admin@example.com", "admin", "active"]]
    assert postgres_of(data) == []
