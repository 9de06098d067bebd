"""``deeper chat``."""

import asyncio
import os
import pty
import random
import re
import signal
import subprocess

import pytest
from msgspec import to_builtins

from deeper_api.cli.first_users import FIRST_USER_FILE, read_first_user
from deeper_model.conformance import Peer
from tests.api.cli.commands import DEEPER, Deeper, Dev, environment
from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fakes.proxies import running_proxy
from tests.fakes.server import free_port
from tests.fixtures.ollama import RunningOllama
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import Backend, StartServer
from tests.model.dialects import OPENAI

PASSWORD = "a quiet harbour at dawn"


def test_a_question_is_answered(dev: Dev):
    done = dev.deeper("chat", "How are you?")
    assert (done.code, done.err) == (0, "")
    assert "You wrote: “How are you?”" in done.out
    assert done.out.endswith("\n")


def test_a_question_may_come_from_standard_input(dev: Dev):
    done = dev.deeper("chat", stdin="Piped in,\non two lines")
    assert done.code == 0
    assert "You wrote: “Piped in, on two lines”" in done.out


@pytest.mark.parametrize("prompt", [(), ("",), ("  ",)], ids=["nothing piped in", "empty", "blank"])
def test_an_empty_question_is_not_asked(dev: Dev, prompt: tuple[str, ...]):
    done = dev.deeper("chat", *prompt)
    assert (done.code, done.out) == (2, "")
    assert "There is nothing to ask." in done.said


def test_without_a_terminal_to_ask_for_the_password_at_it_says_how_to_give_it(dev: Dev):
    done = dev.deeper("chat", "hi", "--email", "admin@example.com")
    assert (done.code, done.out) == (2, "")
    assert "Give it with --password-file." in done.said


def test_statistics_go_to_standard_error(dev: Dev):
    done = dev.deeper("chat", "hi", "--stats")
    assert "tokens" not in done.out
    assert re.fullmatch(r"\d+ \+ \d+ tokens, first after \d+ ms, \d+ ms in all\n", done.err)


@pytest.mark.parametrize("option", ["-c", "--continue"])
def test_the_newest_conversation_can_be_continued(dev: Dev, option: str):
    dev.deeper("chat", "first")
    done = dev.deeper("chat", option, "second")
    assert (done.code, done.err) == (0, "")
    assert "3 message(s) so far." in done.out


async def test_any_conversation_can_be_continued(dev: Dev):
    await asyncio.to_thread(dev.deeper, "chat", "first")
    first_user = read_first_user(dev.data / FIRST_USER_FILE)
    assert first_user is not None
    async with open_client(dev.url) as http:
        tokens = (await http.post("/v1/auth/login", to_builtins(first_user))).json()
        conversations = await http.as_user(tokens["access_token"]).get("/v1/conversations?limit=1")
    await asyncio.to_thread(dev.deeper, "chat", "another one")
    newest_but_one = conversations.json()["items"][0]["id"]
    done = await asyncio.to_thread(dev.deeper, "chat", "--conversation", newest_but_one, "second")
    assert "3 message(s) so far." in done.out


def test_a_conversation_that_is_not_there_cannot_be_continued(dev: Dev):
    done = dev.deeper("chat", "--conversation", "01a2052d-bb12-74ef-9d66-9c2996f069d4", "hi")
    assert (done.code, done.out) == (1, "")
    assert "There is no such" in done.said


def test_what_is_not_stored_cannot_be_continued(dev: Dev):
    who = ("--email", "newcomer@example.com", "--password-file", "-")
    dev.deeper("user", "create", "newcomer@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
    first = dev.deeper("chat", "hi", "--no-store", *who, stdin=f"{PASSWORD}\n")
    assert "1 message(s) so far." in first.out
    done = dev.deeper("chat", "hi", "-c", *who, stdin=f"{PASSWORD}\n")
    assert (done.code, done.out) == (1, "")
    assert "There is no conversation to continue." in done.said


def test_a_conversation_is_continued_with_its_own_model(dev: Dev):
    dev.deeper("chat", "hi", "--model", "nonsense")
    done = dev.deeper("chat", "-c", "hi")
    assert done.code == 1
    assert "There is no model 'nonsense' here." in done.said


@pytest.mark.parametrize(
    "options",
    [("-c", "--no-store"), ("-c", "--conversation", "01a2052d-bb12-74ef-9d66-9c2996f069d4")],
    ids=["what is not kept", "two of them"],
)
def test_it_does_not_guess_what_to_continue(dev: Dev, options: tuple[str, ...]):
    done = dev.deeper("chat", *options, "hi")
    assert (done.code, done.out) == (2, "")
    assert "there can be one" in done.said


def test_it_says_how_much_the_model_does_not_get_to_see(dev: Dev):
    long = "word " * 3_000
    assert dev.deeper("chat", stdin=long).err == ""
    done = dev.deeper("chat", "-c", stdin=long)
    assert done.err == "(Too long for the model: 2 earlier message(s) are left out.)\n"
    assert "1 message(s) so far." in done.out


async def test_a_connection_that_is_cut_costs_nothing_of_the_answer(backend: Backend, deeper: Deeper):
    # More bytes than each connection may pass on, however its pieces are joined.
    said = "".join(random.choices("aé語\N{SLICE OF PIZZA} \n", k=1_600))

    async def play(peer: Peer) -> None:
        await OPENAI.begin(peer, *said)
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")

    # The first two connections, each somewhere behind the head of the response.
    allowances = iter([random.randrange(1_500), random.randrange(500, 1_500)])
    async with (
        open_client(backend.url) as http,
        backend.model(play) as model,
        running_proxy(backend.url, lambda: next(allowances, None)) as proxy,
    ):
        account = await sign_up(http)
        (deeper.folder / "password").write_text(account.password)
        who = ("--email", account.email, "--password-file", "password", "--model", "m")
        done = await asyncio.to_thread(deeper, "chat", "hi", "--url", proxy.url, *who)
        assert len(model.requests) == 1
    assert (done.code, done.out) == (0, said + "\n")
    assert proxy.cuts
    assert "…)" in done.err


def test_control_characters_of_the_model_do_not_reach_the_terminal(dev: Dev):
    done = dev.deeper("chat", "red\x1b[31m\x07\x08\x9b2J\u202e end")
    assert done.code == 0
    assert "red[31m2J end" in done.out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", done.out)


@pytest.mark.parametrize("source", ["file", "standard input"])
def test_somebody_else_signs_in_with_a_password_from(dev: Dev, source: str):
    email = f"{source.replace(' ', '.')}@example.com"
    dev.deeper("user", "create", email, "--password-stdin", stdin=f"{PASSWORD}\n")
    file = dev.data.parent / "password-file"
    file.write_text(f"{PASSWORD}\n")
    given = str(file) if source == "file" else "-"
    done = dev.deeper("chat", "hi", "--email", email, "--password-file", given, stdin=f"{PASSWORD}\n")
    assert done.code == 0
    assert "You wrote: “hi”" in done.out


def test_a_wrong_password_is_explained(dev: Dev):
    done = dev.deeper("chat", "hi", "--email", "admin@example.com", "--password-file", "-", stdin="wrong\n")
    assert (done.code, done.out) == (1, "")
    assert "The e-mail address or the password is wrong." in done.said


def test_a_model_that_is_not_there_is_explained(dev: Dev):
    done = dev.deeper("chat", "hi", "--model", "nonsense")
    assert done.code == 1
    assert "There is no model 'nonsense' here. Choose one with --model. These are: scripted." in done.said


def test_without_a_server_it_says_so(dev: Dev):
    url = f"http://127.0.0.1:{free_port()}"
    done = dev.deeper("chat", "hi", "--url", url)
    assert done.code == 1
    assert f"There is no answer from {url}. Is the server running?" in done.said


async def test_something_else_than_our_server_is_explained(dev: Dev, ollama_server: RunningOllama):
    done = await asyncio.to_thread(dev.deeper, "chat", "hi", "--url", ollama_server.url)
    assert done.code == 1
    assert "404" in done.said


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://[::1", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_explained(dev: Dev, url: str):
    assert dev.deeper("chat", "hi", "--url", url).code in {1, 2}


def test_an_address_without_its_scheme_is_told_from_one_of_another_machine(dev: Dev):
    done = dev.deeper("chat", "hi", "--url", "127.0.0.1:8080")
    assert done.code == 2
    assert "starts with http:// or https://" in done.said


def test_the_first_account_is_for_this_machine_only(dev: Dev):
    done = dev.deeper("chat", "hi", "--url", "http://chat.example.com")
    assert done.code == 2
    assert "--email" in done.said


def test_without_anybody_to_sign_in_it_asks_for_one(deeper: Deeper):
    done = deeper("chat", "hi")
    assert done.code == 2
    assert "--email" in done.said


def converse(dev: Dev, turns: list[tuple[str, str]], *arguments: str) -> str:
    """Type each line at a terminal once there is a prompt, wait for what is to come of it, then end with an empty line.

    Returns all that was shown.
    """
    ours, its = pty.openpty()
    given = environment(dev.data.parent, {**dev.deeper.given, "TERM": "dumb"})
    process = subprocess.Popen(
        [DEEPER, "chat", *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=dev.data.parent,
        env=given,
        start_new_session=True,
    )
    os.close(its)
    shown = b""
    seen = 0

    def read_until(wanted: str) -> None:
        nonlocal shown, seen
        while wanted not in shown.decode(errors="replace")[seen:]:
            shown += os.read(ours, 65_536)
        seen = shown.decode(errors="replace").index(wanted, seen) + len(wanted)

    try:
        for line, wanted in turns:
            read_until("> ")
            os.write(ours, f"{line}\n".encode())
            read_until(wanted)
        read_until("> ")
        os.write(ours, b"\n")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "Traceback" not in shown.decode()
    return shown.decode()


def test_a_conversation_at_a_terminal_goes_on_until_an_empty_line(dev: Dev):
    shown = converse(dev, [("first", "1 message(s) so far."), ("second", "3 message(s) so far.")])
    assert "You wrote: “second”" in shown


def test_a_conversation_that_is_not_stored_goes_on_as_well(dev: Dev):
    converse(dev, [("first", "1 message(s) so far."), ("second", "3 message(s) so far.")], "--no-store")


def test_a_conversation_that_is_continued_says_what_it_is_about(dev: Dev):
    dev.deeper("chat", "Where do swallows winter?")
    shown = converse(dev, [("second", "3 message(s) so far."), ("third", "5 message(s) so far.")], "-c")
    assert "It goes on with: Where do swallows winter?" in shown


def test_a_conversation_outlives_an_answer_that_failed(dev: Dev):
    fault = "There is no model 'nonsense' here."
    converse(dev, [("first", fault), ("second", fault)], "--model", "nonsense")


async def test_ctrl_c_stops_the_answer_and_the_model(
    start_server: StartServer, ollama_server: RunningOllama, deeper: Deeper, database_url: str
):
    stand_in = ollama_server.stand_in
    stand_in.delay = 0.2
    server = await asyncio.to_thread(start_server, DEEPER_MODEL_PROVIDER="ollama", DEEPER_OLLAMA_URL=ollama_server.url)
    create = ("user", "create", "a@example.com", "--password-stdin")
    made = await asyncio.to_thread(deeper, *create, stdin=f"{PASSWORD}\n", DEEPER_DB_URL=database_url)
    assert made.code == 0
    (deeper.folder / "password").write_text(PASSWORD)
    asking = await asyncio.create_subprocess_exec(
        DEEPER,
        *("chat", "hi", "--url", server.url, "--email", "a@example.com", "--password-file", "password"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=deeper.folder,
        env=environment(deeper.folder, {}),
    )
    assert asking.stdout is not None
    try:
        said = await asking.stdout.readexactly(4)
        stand_in.delay = 3_600  # now the answer will not end by itself
        asking.send_signal(signal.SIGINT)
        rest, errors = await asking.communicate()
    finally:
        if asking.returncode is None:
            asking.kill()
            await asking.wait()
    assert said == b"This"
    assert (asking.returncode, errors) == (130, b"")
    assert rest.endswith(b"\n")
    await asyncio.to_thread(wait_until, lambda: not stand_in.open_chats)
