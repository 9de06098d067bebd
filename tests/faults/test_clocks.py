"""Servers whose clocks are wrong, beside a database whose clock is right."""

from pathlib import Path

import pytest

from tests.api.durability.models import DictatedModel
from tests.api.durability.records import message
from tests.api.durability.viewers import Viewer, asking, following, question
from tests.fakes.exchanges import Client, sign_up
from tests.fakes.http import HttpClient, open_client
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import StartServer

# https://github.com/wolfcw/libfaketime, of which this one can be told another time while it runs.
_FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
HOUR = 3_600


class Clock:
    """The clock of a server, which goes so many seconds ahead of the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, ahead: int) -> None:
        """Set it; each process sees it the next time it looks at its clock."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+d}\n")
        new.replace(self._file)

    @property
    def settings(self) -> dict[str, str]:
        """What makes a server go by it; what only ever goes forward does so all the same."""
        return {
            "LD_PRELOAD": str(_FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    if _FAKETIME is None:
        pytest.skip("libfaketime is not installed")
    return Clock(tmp_path / "clock")


async def refreshed(client: HttpClient, token: str) -> tuple[HttpClient, str]:
    """Return a client with a new access token, and the next refresh token."""
    reply = await client.post("/v1/auth/refresh", {"refresh_token": token})
    assert reply.status == 200, reply
    return client.as_user(reply.json()["access_token"]), reply.json()["refresh_token"]


async def is_let_in(client: Client) -> bool:
    reply = await client.get("/v1/me")
    assert reply.status == 200 or reply.json()["error"]["code"] == "invalid_token"
    return reply.status == 200


async def require_whole(viewer: Viewer, client: Client) -> None:
    """Fail unless the answer has ended well, and is kept so."""
    seen = await viewer.until_last()
    assert seen.outcome == "stop"
    kept = await message(client, seen.start or {})
    assert (kept["state"], kept["content"]) == ("complete", seen.text.content)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
async def test_a_clock_that_is_set_ends_access_tokens_and_neither_sessions_nor_answers(
    start_server: StartServer, clock: Clock, ahead: int
):
    server, model = start_server(**clock.settings), DictatedModel()
    async with server.model(model.play), open_client(server.url) as client:
        account = await sign_up(client)
        async with asking(account.client, question("first", store=True)) as before:
            first = await model.asked("first")
            await first.say("begun, ")
            await before.until_said("begun, ")
            clock.set(ahead)
            assert not await is_let_in(account.client)
            user, token = await refreshed(client, account.refresh_token)
            async with asking(user, question("second", store=True)) as then:
                second = await model.asked("second")
                clock.set(0)
                assert not await is_let_in(user)
                user, token = await refreshed(client, token)
                for answer in (first, second):
                    await answer.say("ended")
                    await answer.end()
                await require_whole(before, user)
                await require_whole(then, user)
        user, _ = await refreshed(client, token)
        [session] = (await user.get("/v1/auth/sessions")).json()
        assert session["current"]


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
async def test_a_server_whose_clock_is_wrong_shares_sessions_and_answers_with_the_others(
    start_server: StartServer, clock: Clock, ahead: int
):
    clock.set(ahead)
    server, model = start_server(**clock.settings), DictatedModel()
    other = start_server(beside=server)
    async with server.model(model.play), open_client(server.url) as wrong:
        account, right = await sign_up(wrong), wrong.at(other.url)
        assert await is_let_in(account.client)
        assert not await is_let_in(right.as_user(account.access_token))
        there, token = await refreshed(right, account.refresh_token)
        here, _ = await refreshed(wrong, token)
        for asker, follower in ((here, there), (there, here)):
            text = f"at {asker.url}"
            async with asking(asker, question(text, store=True)) as asked:
                start = await asked.until_begun()
                answer = await model.asked(text)
                async with following(follower, start.generation_id) as viewer:
                    await answer.say("seen by both")
                    await viewer.until_said("seen by both")
                    await answer.end()
                    assert (await viewer.until_last()).outcome == "stop"
                await require_whole(asked, follower)


@pytest.mark.parametrize("shared", [False, True], ids=["in memory", "in Redis"])
async def test_a_clock_that_is_set_gives_nobody_another_try(
    start_server: StartServer, clock: Clock, own_redis: OwnRedis, shared: bool
):
    few = {"DEEPER_LIMITS_ANONYMOUS_BURST": "3", "DEEPER_LIMITS_ANONYMOUS_PER_MINUTE": "1"}
    redis = {"DEEPER_REDIS_URL": own_redis.url, "DEEPER_REDIS_TIMEOUT": "20"} if shared else {}
    server = start_server(**clock.settings, **redis, **few, DEEPER_LIMITS_ENABLED="true")
    async with open_client(server.url) as client:
        assert [(await client.get("/v1/me")).status for _ in range(4)] == [401, 401, 401, 429]
        for ahead in (HOUR, -HOUR, 0):
            clock.set(ahead)
            assert (await client.get("/v1/me")).status == 429
