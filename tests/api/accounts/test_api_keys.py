"""Recognising API keys: what is remembered of them, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from deeper_api.accounts.api_keys import _TOLD, ApiKeys
from deeper_api.accounts.audits import AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.store.api_keys import ApiKeyStore, Candidate, KeyEnd, NamedKey, NewKey, PrefixTaken
from deeper_api.store.audits import AuditKind, AuditStore, NewEvent
from deeper_auth import ApiKey, new_api_key, parse_api_key
from deeper_core import ApiKeyId, DatabaseUnavailable, KeyScope, Role, UserId, new_id

USER = UserId(new_id())
DEVICE = Device(user_agent="a program", ip_address="192.0.2.7")


class Store(ApiKeyStore):
    """Has one key, and counts how often it is asked."""

    def __init__(self, key: ApiKey) -> None:
        self.found: Candidate | None = Candidate(
            id=ApiKeyId(new_id()),
            user_id=USER,
            role=Role.USER,
            tokens_per_day=None,
            digest=key.digest,
            scopes=(KeyScope.READ,),
            ended=None,
            unnoted=True,
        )
        self.asked = 0
        self.noted: list[ApiKeyId] = []
        self.fault: Exception | None = None

    async def find(self, prefix: str) -> Candidate | None:  # noqa: ARG002  - there is one key only
        self.asked += 1
        return self.found

    async def note_use(self, key_id: ApiKeyId) -> None:
        if self.fault:
            raise self.fault
        self.noted.append(key_id)

    async def revoke(self, key_id: ApiKeyId, user_id: UserId) -> bool:  # noqa: ARG002  - likewise
        self.found = None
        return True


class Events(AuditStore):
    """Collects events."""

    def __init__(self) -> None:
        self.added: list[NewEvent] = []

    async def add(self, event: NewEvent) -> None:
        self.added.append(event)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


KEY = new_api_key()


async def test_a_key_is_looked_up_and_its_use_noted_once_in_five_seconds():
    store, clock = Store(KEY), Clock()
    keys = ApiKeys(store, AuditTrail(Events()), clock=clock)
    standings = [await keys.find(KEY, DEVICE) for _ in range(3)]
    assert [standing and standing.user_id for standing in standings] == [USER] * 3
    assert (store.asked, len(store.noted)) == (1, 1)
    clock.now += 5
    await keys.find(KEY, DEVICE)
    assert store.asked == 2


async def test_a_key_that_was_revoked_elsewhere_is_believed_for_less_than_five_seconds():
    store, clock = Store(KEY), Clock()
    keys = ApiKeys(store, AuditTrail(Events()), clock=clock)
    await keys.find(KEY, DEVICE)
    store.found = None
    clock.now += 4.9
    assert await keys.find(KEY, DEVICE) is not None
    clock.now += 0.1
    assert await keys.find(KEY, DEVICE) is None


async def test_a_key_that_is_revoked_here_is_believed_no_more():
    store = Store(KEY)
    keys = ApiKeys(store, AuditTrail(Events()))
    standing = await keys.find(KEY, DEVICE)
    assert standing is not None
    await keys.revoke(USER, standing.key_id, DEVICE, actor=USER)
    assert await keys.find(KEY, DEVICE) is None


async def test_a_wrong_key_with_a_right_prefix_is_not_taken_for_the_right_one_that_is_remembered():
    store = Store(KEY)
    keys = ApiKeys(store, AuditTrail(Events()))
    wrong = parse_api_key(f"dsk_{KEY.prefix}_{new_api_key().secret}")
    assert await keys.find(wrong, DEVICE) is None
    await keys.find(KEY, DEVICE)
    assert await keys.find(wrong, DEVICE) is None
    assert len(store.noted) == 1


class Full(ApiKeyStore):
    """Has a key already under each of ``taken``, and notes which was kept."""

    def __init__(self, *taken: ApiKey) -> None:
        self._taken = {key.prefix for key in taken}
        self.kept: list[NewKey] = []

    async def create(self, new: NewKey, *, lifetime: timedelta | None, most: int) -> NamedKey | None:  # noqa: ARG002  - likewise
        if new.prefix in self._taken:
            raise PrefixTaken
        self.kept.append(new)
        now = datetime.now(UTC)
        return NamedKey(
            id=new.id,
            name=new.name,
            prefix=new.prefix,
            scopes=new.scopes,
            created_at=now,
            expires_at=None,
            last_used_at=None,
        )


async def test_a_key_whose_prefix_is_taken_is_drawn_again():
    drawn = [new_api_key() for _ in range(3)]
    store, events = Full(*drawn[:2]), Events()
    keys = ApiKeys(store, AuditTrail(events), draw=iter(drawn).__next__)
    named, key = await keys.make(USER, "a key", (KeyScope.READ,), None, DEVICE)
    assert (named.prefix, key) == (drawn[2].prefix, drawn[2])
    assert [(kept.prefix, kept.digest) for kept in store.kept] == [(drawn[2].prefix, drawn[2].digest)]
    assert [event.details["key_id"] for event in events.added] == [str(named.id)]


async def test_a_use_that_cannot_be_noted_is_a_use_all_the_same():
    store = Store(KEY)
    store.fault = DatabaseUnavailable()
    assert await ApiKeys(store, AuditTrail(Events())).find(KEY, DEVICE) is not None


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (KeyEnd.EXPIRED, AuditKind.API_KEY_USED_AFTER_EXPIRY),
        (KeyEnd.REVOKED, AuditKind.API_KEY_USED_AFTER_REVOCATION),
    ],
)
async def test_that_a_key_is_used_that_has_ended_is_noted_once_an_hour(end: KeyEnd, kind: AuditKind):
    store, clock, events = Store(KEY), Clock(), Events()
    assert store.found is not None
    store.found = replace(store.found, ended=end)
    keys = ApiKeys(store, AuditTrail(events), clock=clock)
    wrong = parse_api_key(f"dsk_{KEY.prefix}_{new_api_key().secret}")
    assert await keys.find(wrong, DEVICE) is None
    assert events.added == []
    for _ in range(3):
        assert await keys.find(KEY, DEVICE) is None
        clock.now += 1_200
    assert [(event.kind, event.subject_id, event.ip_address) for event in events.added] == [(kind, USER, "192.0.2.7")]
    await keys.find(KEY, DEVICE)
    assert len(events.added) == 2
    assert store.noted == []


async def test_of_no_more_than_a_thousand_keys_that_have_ended_it_is_remembered_that_it_was_noted():
    store, clock, events = Store(KEY), Clock(), Events()
    keys = ApiKeys(store, AuditTrail(events), clock=clock)
    first = store.found
    assert first is not None

    async def use(key: ApiKey, key_id: ApiKeyId) -> int:
        store.found = replace(first, id=key_id, digest=key.digest, ended=KeyEnd.REVOKED)
        await keys.find(key, DEVICE)
        return len(events.added)

    assert await use(KEY, first.id) == 1
    for _ in range(_TOLD - 1):
        await use(new_api_key(), ApiKeyId(new_id()))
    clock.now += 5
    assert await use(KEY, first.id) == _TOLD
    assert await use(new_api_key(), ApiKeyId(new_id())) == _TOLD + 1
    clock.now += 5
    assert await use(KEY, first.id) == _TOLD + 2
