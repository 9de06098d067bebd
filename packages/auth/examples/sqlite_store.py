"""A store of sessions in an SQLite file, whole: for several processes of one machine."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from msgspec.structs import replace

import deeper_auth as auth
from deeper_core import DatabaseUnavailable, SessionId, UserId

T = TypeVar("T")
# `over_at` is when a session ended or will end; with it at hand, the rest may be of any form.
TABLE = """
    create table if not exists sessions (id text primary key, user_id text, over_at real, body text);
    create index if not exists sessions_of_a_user on sessions (user_id);
"""
BY_ID = "select body from sessions where id = ?"
BY_USER = "select body from sessions where user_id = ?"
ONE_OF_USER = "select body from sessions where user_id = ? and id = ?"
OTHERS_OF_USER = "select body from sessions where user_id = ? and id != ?"


class SqliteSessionStore:
    def __init__(self, path: str, *, clock: auth.Clock = auth.system_clock) -> None:
        self._path = path
        self._clock = clock
        self._turn = threading.Lock()  # waiting here is quicker than in SQLite, which looks again and again

    async def create(self, new: auth.NewSession, policy: auth.SessionPolicy) -> auth.Session:
        def step(database: sqlite3.Connection, now: datetime) -> auth.Session:
            expiry = now + min(policy.idle, policy.absolute)
            times = {"created_at": now, "rotated_at": now, "expires_at": expiry}
            session = msgspec.convert(msgspec.structs.asdict(new) | times | {"generation": 0}, auth.Session)
            _put(database, session)
            return session

        return await self._run(step)

    async def rotate(self, session_id: SessionId, generation: int, policy: auth.SessionPolicy) -> auth.Rotation:
        def step(database: sqlite3.Connection, now: datetime) -> auth.Rotation:
            session = next(_get(database, BY_ID, str(session_id)), None)
            verdict = auth.decide(session, generation, now=now, policy=policy)
            if session is not None and verdict is auth.RefreshVerdict.ROTATE:
                expiry = min(now + policy.idle, session.created_at + policy.absolute)
                session = replace(session, generation=generation + 1, rotated_at=now, expires_at=expiry)
                _put(database, session)
            elif session is not None and verdict is auth.RefreshVerdict.REUSE:
                session = replace(session, revoked_at=now, revoke_reason=auth.RevocationReason.REUSE)
                _put(database, session)
            return auth.Rotation(verdict=verdict, session=session)

        return await self._run(step)

    async def find_live(self, session_id: SessionId) -> auth.Session | None:
        found = await self._live(BY_ID, str(session_id))
        return found[0] if found else None

    async def list_live(self, user_id: UserId) -> tuple[auth.Session, ...]:
        found = await self._live(BY_USER, str(user_id))
        return tuple(sorted(found, key=lambda session: (session.created_at, session.id), reverse=True))

    async def revoke(self, session_id: SessionId, user_id: UserId, reason: auth.RevocationReason) -> bool:
        return await self._revoke(reason, ONE_OF_USER, str(user_id), str(session_id)) == 1

    async def revoke_all(self, user_id: UserId, reason: auth.RevocationReason, *, keep: SessionId | None = None) -> int:
        return await self._revoke(reason, OTHERS_OF_USER, str(user_id), str(keep))

    async def forget_ended(self, age: timedelta) -> int:
        query = "delete from sessions where over_at <= ?"
        return await self._run(lambda database, now: database.execute(query, [(now - age).timestamp()]).rowcount)

    async def _live(self, query: str, *values: str) -> list[auth.Session]:
        return await self._run(
            lambda database, now: [one for one in _get(database, query, *values) if one.is_live(now)]
        )

    async def _revoke(self, reason: auth.RevocationReason, query: str, *values: str) -> int:
        def step(database: sqlite3.Connection, now: datetime) -> int:
            live = [one for one in _get(database, query, *values) if one.is_live(now)]
            for one in live:
                _put(database, replace(one, revoked_at=now, revoke_reason=reason))
            return len(live)

        return await self._run(step)

    async def _run(self, step: Callable[[sqlite3.Connection, datetime], T]) -> T:
        """Run ``step`` on a thread, as one transaction: whoever writes next waits from the beginning."""

        def work() -> T:
            with self._turn, closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as database:
                database.executescript(TABLE)
                database.execute("begin immediate")
                found = step(database, self._clock())
                database.execute("commit")
                return found

        try:
            return await asyncio.to_thread(work)
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailable(retry_after=1) from error


def _get(database: sqlite3.Connection, query: str, *values: str) -> Iterator[auth.Session]:
    for (body,) in database.execute(query, values).fetchall():
        yield msgspec.json.decode(body, type=auth.Session)


def _put(database: sqlite3.Connection, session: auth.Session) -> None:
    over_at = (session.revoked_at or session.expires_at).timestamp()
    values = (str(session.id), str(session.user_id), over_at, msgspec.json.encode(session))
    database.execute("insert or replace into sessions values (?, ?, ?, ?)", values)
