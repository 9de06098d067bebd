"""Those who use the servers: each does one thing after the other, at whichever server, and notes what it was told."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

import aiohttp

from tests.fakes.exchanges import Account, Json, Reply, sign_up
from tests.fakes.http import HttpClient
from tests.faults.test_clients import asking_without_reading
from tests.soak.places import ACCESS_SECONDS, SERVERS, Place
from tests.soak.records import Asked, Conversation, Records
from tests.soak.traffic import LOST, Caller, Incident, Traffic

# Before an access token has expired, and when nobody who was slow meanwhile comes too late with it.
_REFRESHED_AFTER = ACCESS_SECONDS / 2
# What a refresh may take for its former token to be good once more: with the last try, less than a session's grace.
_GRACE = 5.0
_NOTHING = object()
_READS = (
    *("/v1/me", "/v1/models", "/v1/usage", "/v1/generations", "/v1/auth/sessions", "/v1/api-keys"),
    *("/v1/conversations", "/v1/conversations?limit=5", "/openai/v1/models"),
)


class Visitor:
    """Somebody with an account of their own, an address of their own, and ``chance`` to decide what to do next."""

    def __init__(self, number: int, place: Place, line: HttpClient, records: Records, traffic: Traffic) -> None:
        self.place = place
        self.records = records
        self.traffic = traffic
        self.chance = random.Random(f"visitor {number}")
        address = ip_address("10.0.0.1") + number
        self._caller = Caller(line, traffic, (("x-forwarded-for", str(address)),))
        self._account: Account | None = None
        self._access = self._refresh = ""
        self._refreshed = 0.0

    @property
    def user_id(self) -> str:
        """Who it is."""
        assert self._account is not None
        return self._account.user["id"]

    def which(self) -> int:
        """Any of the servers."""
        return self.chance.randrange(SERVERS)

    def at(self, which: int) -> Caller:
        """Where it is signed in, at a server."""
        return self._caller.as_user(self._access).at(self.place.url(which))

    async def sign_up(self) -> None:
        """Make the account."""
        self._account = await sign_up(self._caller.at(self.place.url(self.which())))
        self._take(self._account.access_token, self._account.refresh_token)

    async def call(
        self,
        what: str,
        method: str,
        path: str,
        sent: object = _NOTHING,
        *,
        good: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Reply | None:
        """Return the reply if its status is ``good``; take note of any other one, and of none."""
        which, began = self.which(), self.place.now
        body = () if sent is _NOTHING else (sent,)
        try:
            reply = await self.at(which).call(method, path, *body, headers=headers)
        except (aiohttp.ClientError, ConnectionError):
            self.note(what, which, began, LOST)
        except TimeoutError:
            self.traffic.complain(self.place.now, f"{what}: no answer since {began:.1f} s")
        else:
            if reply.status == good:
                self.traffic.statuses[what, reply.status] += 1
                return reply
            self.note(what, which, began, reply.status, reply.json()["error"]["code"])
        await asyncio.sleep(self.chance.uniform(0.1, 0.5))
        return None

    def note(self, what: str, which: int, began: float, status: int, code: str = "") -> None:
        """Take note of what came to nothing."""
        self.traffic.note(Incident(what, which, began, self.place.now, status, code))

    # -- sessions ---------------------------------------------------------------------------------------------------

    async def come_in(self) -> bool:
        """Return whether it is signed in with a token that is good for a while, having seen to it if it can be."""
        if not self._refresh:
            await self.log_in()
        elif self.place.now - self._refreshed > _REFRESHED_AFTER:
            await self.refresh()
        return bool(self._refresh) and self.place.now - self._refreshed < ACCESS_SECONDS - 10

    async def log_in(self) -> None:
        """Open a session."""
        assert self._account is not None
        given = {"email": self._account.email, "password": self._account.password}
        reply = await self.call("log in", "POST", "/v1/auth/login", given)
        if reply is not None:
            self._take(reply.json()["access_token"], reply.json()["refresh_token"])

    async def refresh(self) -> None:
        """Exchange the tokens; what gets lost is asked for again, as long as that is no reuse."""
        began, reply = self.place.now, None
        while reply is None and self.place.now - began < _GRACE:
            reply = await self.call("refresh", "POST", "/v1/auth/refresh", {"refresh_token": self._refresh})
        if reply is None:
            self._refresh = ""  # nobody knows which one is good
        else:
            self._take(reply.json()["access_token"], reply.json()["refresh_token"])

    async def log_out(self) -> None:
        """End the session; nothing of it may be of any use then."""
        reply = await self.call("log out", "POST", "/v1/auth/logout", good=204)
        old, self._refresh = self._refresh, ""
        if reply is not None:
            await self.call("refresh when logged out", "POST", "/v1/auth/refresh", {"refresh_token": old}, good=401)

    def _take(self, access: str, refresh: str) -> None:
        self._access, self._refresh, self._refreshed = access, refresh, self.place.now

    # -- reading and writing ------------------------------------------------------------------------------------------

    async def read(self) -> None:
        """Look at something."""
        kept = self._kept()
        paths = [
            *_READS,
            *(f"/v1/conversations/{one.id}{end}" for one in kept[-3:] for end in ("", "/messages", "/export")),
        ]
        path = self.chance.choice(paths)
        await self.call("export" if path.endswith("/export") else "read", "GET", path)

    async def search(self) -> None:
        """Look for the words of an answer, or of a question."""
        words = self.chance.choice(["question", "words", f"{self.chance.randrange(1_000)}", "of question"])
        await self.call("search", "GET", f"/v1/search?q={words.replace(' ', '+')}&limit=20")

    async def make(self) -> None:
        """Make a conversation."""
        title = f"title {self.chance.random()}"
        reply = await self.call("make", "POST", "/v1/conversations", {"title": title}, good=201)
        if reply is not None:
            made: Json = reply.json()
            self.records.kept[made["id"]] = Conversation(made["id"], self.user_id, title)

    async def rename(self) -> None:
        """Give a conversation another title."""
        if not (kept := self._kept()):
            return
        conversation, title = self.chance.choice(kept), f"title {self.chance.random()}"
        conversation.title = None  # until it is known
        if await self.call("rename", "PATCH", f"/v1/conversations/{conversation.id}", {"title": title}):
            conversation.title = title

    async def delete(self) -> None:
        """Delete a conversation."""
        if len(kept := self._kept()) < 2:
            return
        conversation = self.records.kept.pop(self.chance.choice(kept).id)
        reply = await self.call("delete", "DELETE", f"/v1/conversations/{conversation.id}", good=204)
        if reply is not None:
            self.records.deleted.add(conversation.id)

    def _kept(self) -> list[Conversation]:
        return list(self.records.conversations_of(self.user_id))

    async def stare(self) -> None:
        """Ask for much, and take nothing of it."""
        assert self._account is not None
        which, began = self.which(), self.place.now
        account = replace(self._account, access_token=self._access)
        try:
            with asking_without_reading(self.place.servers[which].backend, account, 1):
                await asyncio.sleep(self.chance.uniform(0.5, 3))
            self.traffic.statuses["stare", 200] += 1
        except OSError:
            self.note("stare", which, began, LOST)

    def begin(self, *, store: bool) -> Asked:
        """Return a question of its own."""
        return self.records.ask(self.user_id, self.chance.choice([1, 5, 20, 50, 100, 200]), store=store)

    async def pause(self) -> None:
        """Think for a moment."""
        await asyncio.sleep(self.chance.expovariate(4))
