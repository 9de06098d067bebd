"""Recognising API keys: what is remembered of them, and for how long."""

from deeper_api.accounts.api_keys import ApiKeys
from deeper_api.store.api_keys import ApiKeyStore, Candidate
from deeper_auth import ApiKey, new_api_key, parse_api_key
from deeper_core import ApiKeyId, DatabaseUnavailable, KeyScope, Role, UserId, new_id

USER = UserId(new_id())


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


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


KEY = new_api_key()


async def test_a_key_is_looked_up_and_its_use_noted_once_in_five_seconds():
    store, clock = Store(KEY), Clock()
    keys = ApiKeys(store, clock=clock)
    standings = [await keys.find(KEY) for _ in range(3)]
    assert [standing and standing.user_id for standing in standings] == [USER] * 3
    assert (store.asked, len(store.noted)) == (1, 1)
    clock.now += 5
    await keys.find(KEY)
    assert store.asked == 2


async def test_a_key_that_was_revoked_elsewhere_is_believed_for_less_than_five_seconds():
    store, clock = Store(KEY), Clock()
    keys = ApiKeys(store, clock=clock)
    await keys.find(KEY)
    store.found = None
    clock.now += 4.9
    assert await keys.find(KEY) is not None
    clock.now += 0.1
    assert await keys.find(KEY) is None


async def test_a_key_that_is_revoked_here_is_believed_no_more():
    store = Store(KEY)
    keys = ApiKeys(store)
    standing = await keys.find(KEY)
    assert standing is not None
    await keys.revoke(USER, standing.key_id)
    assert await keys.find(KEY) is None


async def test_a_wrong_key_with_a_right_prefix_is_not_taken_for_the_right_one_that_is_remembered():
    store = Store(KEY)
    keys = ApiKeys(store)
    wrong = parse_api_key(f"dsk_{KEY.prefix}_{new_api_key().secret}")
    assert await keys.find(wrong) is None
    await keys.find(KEY)
    assert await keys.find(wrong) is None
    assert len(store.noted) == 1


async def test_a_use_that_cannot_be_noted_is_a_use_all_the_same():
    store = Store(KEY)
    store.fault = DatabaseUnavailable()
    assert await ApiKeys(store).find(KEY) is not None
