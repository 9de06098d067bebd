"""Recognising API keys: what is remembered of them, and for how long."""

from msgspec.structs import replace

from deeper_api.accounts.api_keys import ApiKeys
from deeper_api.accounts.audits import AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.store.api_keys import ApiKeyStore, Candidate
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
            digest=key.digest,
            scopes=(KeyScope.READ,),
            expired=False,
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
    await keys.revoke(USER, standing.key_id, DEVICE)
    assert await keys.find(KEY, DEVICE) is None


async def test_a_wrong_key_with_a_right_prefix_is_not_taken_for_the_right_one_that_is_remembered():
    store = Store(KEY)
    keys = ApiKeys(store, AuditTrail(Events()))
    wrong = parse_api_key(f"dsk_{KEY.prefix}_{new_api_key().secret}")
    assert await keys.find(wrong, DEVICE) is None
    await keys.find(KEY, DEVICE)
    assert await keys.find(wrong, DEVICE) is None
    assert len(store.noted) == 1


async def test_a_use_that_cannot_be_noted_is_a_use_all_the_same():
    store = Store(KEY)
    store.fault = DatabaseUnavailable()
    assert await ApiKeys(store, AuditTrail(Events())).find(KEY, DEVICE) is not None


async def test_that_an_expired_key_is_used_is_noted_once_a_minute():
    store, clock, events = Store(KEY), Clock(), Events()
    assert store.found is not None
    store.found = replace(store.found, expired=True)
    keys = ApiKeys(store, AuditTrail(events), clock=clock)
    wrong = parse_api_key(f"dsk_{KEY.prefix}_{new_api_key().secret}")
    assert await keys.find(wrong, DEVICE) is None
    assert events.added == []
    for _ in range(3):
        assert await keys.find(KEY, DEVICE) is None
        clock.now += 20
    assert [(event.kind, event.subject_id, event.ip_address) for event in events.added] == [
        (AuditKind.API_KEY_USED_AFTER_EXPIRY, USER, "192.0.2.7")
    ]
    await keys.find(KEY, DEVICE)
    assert len(events.added) == 2
    assert store.noted == []
