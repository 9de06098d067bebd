"""``deeper chat``: ask a running server from a terminal or a script."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import asyncio
import math
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit
from uuid import UUID

import rich_click as click

from deeper_api.chat.frames import Context, Done, Failed, Piece, Queued, Start
from deeper_api.cli.clients import Client, ClientFault
from deeper_api.cli.databases import data_dir_option
from deeper_api.cli.first_users import FIRST_USER_FILE, FirstUser, read_first_user
from deeper_api.cli.passwords import ask_for_password
from deeper_api.cli.threads import Thread
from deeper_core import ConversationId, ErrorCode, MessageId

_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
# What shells report of a program that Ctrl-C ended: 128 and the number of SIGINT.
_INTERRUPTED = 130


@click.command("chat")
@click.argument("prompt", required=False)
@click.option(
    "--url", envvar="DEEPER_CHAT_URL", default="http://127.0.0.1:8080", show_default=True, help="Address of the server."
)
@click.option(
    "--email", envvar="DEEPER_CHAT_EMAIL", help="Whom to sign in.  [default: the first account of `deeper dev`]"
)
@click.option(
    "--password-file",
    type=click.File("r"),
    help="File with the password, - for standard input.  [default: ask]",
)
@click.option(
    "--model", help="Model to ask.  [default: the last one of the conversation, or the first that the server lists]"
)
@click.option("-c", "--continue", "newest", is_flag=True, help="Continue the newest conversation.")
@click.option("--conversation", type=click.UUID, metavar="ID", help="Continue this conversation.")
@click.option("--no-store", is_flag=True, help="Keep no conversation on the server.")
@click.option("--stats", is_flag=True, help="Print tokens and time of each answer to standard error.")
@data_dir_option
def command(  # noqa: PLR0913  - click hands over each option
    prompt: str | None,
    url: str,
    email: str | None,
    password_file: TextIO | None,
    model: str | None,
    conversation: UUID | None,
    *,
    newest: bool,
    no_store: bool,
    stats: bool,
    data_dir: Path,
) -> None:
    """Ask PROMPT and print the answer as it comes.

    Without PROMPT it is read from standard input, or, at a terminal, a conversation begins that an empty line or
    Ctrl-D ends. Ctrl-C stops an answer. The server keeps what is said, to be continued with -c.
    """
    if newest + no_store + (conversation is not None) > 1:
        raise click.UsageError("Of --continue, --conversation and --no-store there can be one.")
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"The address of a server starts with http:// or https://, not as {url!r} does.")
    who = _who(email, password_file, data_dir / FIRST_USER_FILE, url)
    question = prompt
    if question is None and not sys.stdin.isatty():
        question = sys.stdin.read()
    if question is not None and not question.strip():
        raise click.UsageError("There is nothing to ask.")
    with asyncio.Runner() as runner:
        client = Client(url, notice=_interrupt)
        try:
            runner.run(client.sign_in(who.email, who.password))
            talk = runner.run(_begin(client, conversation, newest=newest, kept=not no_store, model=model, stats=stats))
            if question is None:
                _converse(runner, talk)
            else:
                runner.run(talk.ask(question))
        except ClientFault as fault:
            raise click.ClickException(_harmless(str(fault))) from fault
        except KeyboardInterrupt:
            click.echo()
            raise SystemExit(_INTERRUPTED) from None
        finally:
            runner.run(client.close())


def _who(email: str | None, password_file: TextIO | None, first_user: Path, url: str) -> FirstUser:
    """Return whom to sign in: who was named, or else the first account of `deeper dev`, but on this machine only."""
    if email is None:
        first = read_first_user(first_user) if _is_here(url) else None
        if first is None:
            raise click.UsageError("Whom should I sign in? Say it with --email.")
        return first
    if password_file is not None:
        return FirstUser(email=email, password=password_file.readline().rstrip("\r\n"))
    return FirstUser(email=email, password=ask_for_password("--password-file"))


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _THIS_MACHINE
    except ValueError:  # brackets that do not close; nobody can be reached there
        return False


async def _begin(
    client: Client, conversation_id: UUID | None, *, newest: bool, kept: bool, model: str | None, stats: bool
) -> "_Talk":
    """Return a talk that continues a conversation, or a new one."""
    if conversation_id is not None:
        conversation = await client.conversation(ConversationId(conversation_id))
    elif newest:
        conversation = await client.newest_conversation()
        if conversation is None:
            raise ClientFault("There is no conversation to continue.")
    else:
        return _Talk(client, Thread(kept=kept), model or await _first_model(client), stats=stats)
    last = await client.newest_message(conversation.id)
    model = model or (last and last.model) or await _first_model(client)
    return _Talk(client, Thread(conversation=conversation, last=last), model, stats=stats, about=conversation.title)


async def _first_model(client: Client) -> str:
    models = await client.models()
    if not models:
        raise ClientFault("The server has no model to ask.")
    return models[0].name


def _converse(runner: asyncio.Runner, talk: "_Talk") -> None:
    click.echo(
        f"Talking to {_harmless(talk.model)}. An empty line or Ctrl-D ends it, Ctrl-C stops an answer.", err=True
    )
    if talk.about:
        _note(f"It goes on with: {talk.about}")
    while True:
        try:
            prompt: str = click.prompt("", prompt_suffix="> ", default="", show_default=False)
        except click.Abort:
            return
        if not prompt.strip():
            return
        try:
            runner.run(talk.ask(prompt))
        except KeyboardInterrupt:
            click.echo(" (stopped)")
        except ClientFault as fault:  # the next answer may come: what was said so far is not thrown away
            click.secho(_harmless(str(fault)), fg="red", err=True)


class _Talk:
    """Asks questions one after the other and shows the answers. ``about`` is the title of what is continued."""

    def __init__(self, client: Client, thread: Thread, model: str, *, stats: bool, about: str = "") -> None:
        self.model = model
        self.about = about
        self._client = client
        self._thread = thread
        self._stats = stats

    async def ask(self, prompt: str) -> None:
        """Print the answer to ``prompt`` as it comes.

        What is stopped half-way stands as it is. What fails, or is stopped before its first word, is not gone on with.
        """
        said: list[str] = []
        answer_id: MessageId | None = None
        try:
            async with aclosing(self._client.chat(self._thread.question(self.model, prompt))) as frames:
                async for frame in frames:
                    match frame:
                        case Start():
                            self._thread.begin(frame)
                            answer_id = frame.message_id
                        case Queued():
                            self._show_place(frame)
                        case Context():
                            _note(f"Too long for the model: {len(frame.dropped)} earlier message(s) are left out.")
                        case Piece():
                            self._show(frame)
                            said.append(frame.content)
                        case Done():
                            click.echo()
                            self._show_stats(frame)
                        case Failed():
                            click.echo()
                            raise ClientFault(await self._explain(frame))
        except asyncio.CancelledError:
            if any(said):
                self._thread.keep(prompt, "".join(said), answer_id)
            raise
        self._thread.keep(prompt, "".join(said), answer_id)

    def _show_place(self, queued: Queued) -> None:
        if queued.position:
            seconds = math.ceil((queued.estimate_ms or 0) / 1_000)
            estimate = f", about {seconds} s to go" if seconds else ""
            _note(f"Others are before you: number {queued.position} in the line{estimate}.")

    async def _explain(self, failed: Failed) -> str:
        if failed.error.code is not ErrorCode.MODEL_NOT_FOUND:
            return failed.error.message
        names = ", ".join(model.name for model in await self._client.models())
        return f"There is no model {self.model!r} here. Choose one with --model. These are: {names or 'none'}."

    def _show(self, piece: Piece) -> None:
        if piece.thinking:
            click.secho(_harmless(piece.thinking), dim=True, nl=False, err=True)
        if piece.content:
            click.echo(_harmless(piece.content), nl=False)
        for call in piece.tool_calls:
            click.secho(_harmless(f"{call.function.name or ''}{call.function.arguments}"), dim=True, nl=False, err=True)

    def _show_stats(self, done: Done) -> None:
        if not self._stats:
            return
        usage, timings = done.usage, done.timings
        parts = [f"{usage.prompt_tokens} + {usage.completion_tokens} tokens"]
        if timings.first_token_ms is not None:
            parts.append(f"first after {timings.first_token_ms:.0f} ms")
        if timings.total_ms is not None:
            parts.append(f"{timings.total_ms:.0f} ms in all")
        click.secho(", ".join(parts), dim=True, err=True)


def _interrupt(text: str) -> None:
    """Say something in the middle of an answer, or before it."""
    click.echo(err=True)
    _note(text)


def _note(text: str) -> None:
    click.secho(_harmless(f"({text})"), dim=True, err=True)


def _harmless(text: str) -> str:
    """Return ``text`` without the control characters by which a model or a server could drive the terminal."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")
