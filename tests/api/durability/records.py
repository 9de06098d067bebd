"""What is kept of an answer, as its user may see it from any server."""

import asyncio

import psycopg

from tests.api.durability.models import PATIENCE
from tests.fakes.exchanges import Client, Json

# Longer than it takes to be sure that a process is dead, and to end what it ran.
TAKEN_OVER_SECONDS = 15


async def generation(client: Client, generation_id: str) -> Json:
    """The generation with its text."""
    reply = await client.get(f"/v1/generations/{generation_id}")
    assert reply.status == 200, reply
    return reply.json()


async def ended_generation(client: Client, generation_id: str) -> Json:
    """The generation once it has ended, for its own process too, which hears last of all that the end is kept."""
    async with asyncio.timeout(TAKEN_OVER_SECONDS):
        while True:
            found = await generation(client, generation_id)
            if found["state"] != "running":
                return found
            await asyncio.sleep(0.05)


async def message(client: Client, start: Json) -> Json:
    """The message that the generation with this first frame writes."""
    reply = await client.get(f"/v1/conversations/{start['conversation_id']}/messages")
    assert reply.status == 200, reply
    (found,) = [one for one in reply.json()["items"] if one["id"] == start["message_id"]]
    return found


async def until_nothing_runs(client: Client, *, within: float = TAKEN_OVER_SECONDS) -> None:
    """Return once none of this user's generations runs."""
    async with asyncio.timeout(within):
        while True:
            reply = await client.get("/v1/generations")
            if reply.status == 200 and not reply.json()["items"]:
                return
            await asyncio.sleep(0.05)


async def totals(client: Client) -> Json:
    """What the ledger says of all that this user asked, once the database answers."""
    reply = await client.get("/v1/usage")
    assert reply.status == 200, reply
    return reply.json()["totals"]


async def until_kept(database_url: str, text: str) -> None:
    """Return once the journal holds ``text``, whoever's it is."""
    async with asyncio.timeout(PATIENCE), await psycopg.AsyncConnection.connect(database_url) as database:
        while True:
            found = await database.execute("select string_agg(body, '' order by position) from generation_chunks")
            ((body,),) = await found.fetchall()
            if text in (body or ""):
                return
            await asyncio.sleep(0.02)
