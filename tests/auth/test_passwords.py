import asyncio
import subprocess
import sys
import threading
import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_auth import Argon2Cost, Argon2id, PasswordHasher, PasswordVerdict
from deeper_auth.passwords import normalise
from deeper_core import InternalError, Overloaded, ShuttingDown
from tests.auth.schemes import CHEAP, BrokenScheme, CountingScheme, GatedScheme

COMPOSED = "\u00e9clair \u00e9clair"
DECOMPOSED = "e\u0301clair e\u0301clair"


@pytest.fixture
async def scheme():
    return CountingScheme()


@pytest.fixture
async def hasher(scheme):
    hasher = PasswordHasher(scheme)
    yield hasher
    await hasher.close()


@pytest.fixture
async def gated():
    """A hasher with two threads and room for three to wait, whose hashes wait for the scheme's gate."""
    scheme = GatedScheme()
    hasher = PasswordHasher(scheme, threads=2, queue=3)
    yield scheme, hasher
    scheme.gate.set()
    await hasher.close()


async def start(scheme: GatedScheme, hasher: PasswordHasher, count: int) -> list[asyncio.Task[str]]:
    """Start ``count`` hashes and wait until both threads are at work."""
    tasks = [asyncio.create_task(hasher.hash(f"password {number}")) for number in range(count)]
    for _ in range(min(count, 2)):
        assert await asyncio.to_thread(scheme.started.acquire, timeout=30)
    return tasks


async def fill(scheme: GatedScheme, hasher: PasswordHasher) -> list[asyncio.Task[str]]:
    tasks = await start(scheme, hasher, 5)
    with pytest.raises(Overloaded):
        await hasher.hash("one too many")
    return tasks


async def test_the_right_password_is_right_and_another_wrong(hasher):
    hashed = await hasher.hash("open sesame")
    assert await hasher.verify("open sesame", hashed) is PasswordVerdict.RIGHT
    assert await hasher.verify("Open sesame", hashed) is PasswordVerdict.WRONG


async def test_the_same_password_is_never_hashed_the_same_way_twice(hasher):
    assert await hasher.hash("open sesame") != await hasher.hash("open sesame")


async def test_the_hash_is_argon2id_at_the_recommended_cost_by_default():
    hasher = PasswordHasher()
    hashed = await hasher.hash("open sesame")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify("open sesame", hashed) is PasswordVerdict.RIGHT
    await hasher.close()


async def test_a_hash_made_at_another_cost_is_right_and_outdated(hasher):
    hashed = Argon2id(Argon2Cost(memory=16, passes=1)).hash("open sesame")
    verdict = await hasher.verify("open sesame", hashed)
    assert verdict is PasswordVerdict.OUTDATED
    assert verdict.is_right
    assert await hasher.verify("wrong", hashed) is PasswordVerdict.WRONG
    assert not PasswordVerdict.WRONG.is_right


async def test_composed_and_decomposed_are_one_password(hasher):
    assert COMPOSED != DECOMPOSED
    assert await hasher.verify(DECOMPOSED, await hasher.hash(COMPOSED)) is PasswordVerdict.RIGHT
    assert await hasher.verify(COMPOSED, await hasher.hash(DECOMPOSED)) is PasswordVerdict.RIGHT


@pytest.mark.parametrize("password", ["", " ", "\0", "a\0b", "\N{PILE OF POO}" * 1024, "x" * 1024, "\u1f82" * 1024])
async def test_no_password_of_at_most_1024_characters_is_cut(hasher, password):
    hashed = await hasher.hash(password)
    assert await hasher.verify(password, hashed) is PasswordVerdict.RIGHT
    assert await hasher.verify(password[:-1] + "y", hashed) is PasswordVerdict.WRONG


@pytest.mark.parametrize("password", ["x" * 1025, "x" * 1_000_000, "\ud800", "ab\udfff"])
async def test_a_password_that_no_policy_allows_cannot_be_hashed(hasher, password):
    with pytest.raises(ValueError, match=r"^a password that cannot be hashed$"):
        await hasher.hash(password)


TAIL = "$I4TwnvP+n7P2PifkvPc+Zw$biH3CRaZQEzK0vmVisRBP2Lfz7As6ithQzVasJCiCnY"
IMPOSSIBLE_COSTS = ["m=9999999999,t=1,p=1", "m=8,t=1,p=64", "m=4194305,t=1,p=1", "m=64,t=1001,p=1", "m=9999,t=1,p=65"]
TORN_HASHES = ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$", "$2b$12$" + "a" * 53, "\ud800", "\0"]
BROKEN_HASHES = TORN_HASHES + [f"$argon2id$v=19${cost}{TAIL}" for cost in IMPOSSIBLE_COSTS]


@pytest.mark.parametrize(
    ("password", "known"),
    [
        ("right", True),
        ("wrong", True),
        ("right", False),
        ("", True),
        ("", False),
        ("x" * 1025, True),
        ("x" * 5_000, True),
        ("x" * 1_000_000, False),
        ("\ud800", True),
        ("\ud800", False),
        ("\0", True),
    ],
)
async def test_every_answer_costs_one_verification(hasher, scheme, password, known):
    hashed = await hasher.hash("right") if known else None
    before = scheme.hashed, scheme.verified
    verdict = await hasher.verify(password, hashed)
    assert (scheme.hashed, scheme.verified) == (before[0], before[1] + 1)
    assert verdict.is_right is (known and password == "right")


@pytest.mark.parametrize("hashed", BROKEN_HASHES)
async def test_a_broken_hash_is_nobodys_and_costs_one_verification_too(hasher, scheme, hashed):
    assert await hasher.verify("anything", hashed) is PasswordVerdict.WRONG
    assert scheme.verified == 1


@pytest.mark.parametrize("cut", range(1, 96, 5))
async def test_a_truncated_hash_is_nobodys(hasher, cut):
    hashed = await hasher.hash("right")
    assert await hasher.verify("right", hashed[:-cut]) is PasswordVerdict.WRONG


@pytest.mark.parametrize("tail", ["x", "\n", "=", "$", "\0"])
async def test_a_hash_with_anything_after_it_is_nobodys(hasher, tail):
    hashed = await hasher.hash("right")
    assert await hasher.verify("right", hashed + tail) is PasswordVerdict.WRONG


async def test_the_stand_in_for_unknown_users_is_hashed_at_the_start_and_its_password_signs_nobody_in():
    scheme = CountingScheme()
    hasher = PasswordHasher(scheme)
    assert scheme.hashed == 1
    assert await hasher.verify("a password that nobody has", None) is PasswordVerdict.WRONG
    assert await hasher.verify("\ud800", hasher._dummy) is PasswordVerdict.WRONG
    await hasher.close()


async def test_a_password_refused_for_its_length_does_not_match_the_stand_ins_own_hash(hasher):
    hashed = await hasher.hash("a password that nobody has")
    assert await hasher.verify("x" * 2_000, hashed) is PasswordVerdict.WRONG


async def test_hashing_leaves_the_event_loop_thread():
    threads = set()

    class Watched(CountingScheme):
        def verify(self, password, hashed):
            threads.add(threading.current_thread().name)
            return super().verify(password, hashed)

    hasher = PasswordHasher(Watched())
    await hasher.verify("x", None)
    await hasher.close()
    assert [name.partition("_")[0] for name in threads] == ["password"]


async def test_by_default_two_threads_hash_and_64_callers_wait():
    scheme = GatedScheme()
    hasher = PasswordHasher(scheme)
    tasks = await start(scheme, hasher, 66)
    with pytest.raises(Overloaded):
        await hasher.hash("one too many")
    scheme.gate.set()
    await asyncio.gather(*tasks)
    assert scheme.most_running == 2
    await hasher.close()


async def test_no_more_than_the_given_number_of_threads_hash(gated):
    scheme, hasher = gated
    tasks = await start(scheme, hasher, 5)
    scheme.gate.set()
    await asyncio.gather(*tasks)
    assert scheme.most_running == 2


async def test_who_finds_the_queue_full_is_turned_away_at_once_and_told_when_to_come_back(gated):
    scheme, hasher = gated
    await fill(scheme, hasher)
    with pytest.raises(Overloaded) as refusal:
        await hasher.verify("x", None)
    assert refusal.value.retry_after == 1


async def test_a_finished_hash_makes_room(gated):
    scheme, hasher = gated
    tasks = await fill(scheme, hasher)
    scheme.gate.set()
    await asyncio.gather(*tasks)
    again = await asyncio.gather(*(hasher.hash("x") for _ in range(5)))
    assert again == ["x"] * 5


async def test_a_waiting_caller_who_gives_up_makes_room_at_once(gated):
    scheme, hasher = gated
    tasks = await fill(scheme, hasher)
    tasks[-1].cancel()
    await asyncio.wait([tasks[-1]])
    replacement = asyncio.create_task(hasher.hash("replacement"))
    scheme.gate.set()
    assert await replacement == "replacement"


async def test_a_caller_who_gives_up_during_the_hash_makes_room_when_it_is_done(gated):
    scheme, hasher = gated
    tasks = await fill(scheme, hasher)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    # Both threads are still at work for nobody, and hold their slots.
    more = [asyncio.create_task(hasher.hash("x")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await hasher.hash("one too many")
    scheme.gate.set()
    assert await asyncio.gather(*more) == ["x"] * 3


async def test_no_slot_is_lost_however_callers_come_and_go(gated):
    scheme, hasher = gated
    for _ in range(20):
        tasks = [asyncio.create_task(hasher.hash("x")) for _ in range(5)]
        await asyncio.sleep(0)
        for task in tasks[2:]:
            task.cancel()
        scheme.gate.set()
        await asyncio.wait(tasks)
    assert await asyncio.gather(*(hasher.hash("x") for _ in range(5))) == ["x"] * 5
    await hasher.close()
    assert hasher._slots._value == 5


async def test_a_failing_hash_gives_its_slot_back():
    scheme = BrokenScheme()
    hasher = PasswordHasher(scheme, threads=1, queue=0)
    scheme.fault = OSError("no memory")
    for _ in range(3):
        with pytest.raises(OSError, match="no memory"):
            await hasher.hash("x")
    await hasher.close()


async def test_whoever_no_thread_can_be_started_for_gives_the_slot_back(monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    hasher = PasswordHasher(CountingScheme(), threads=1, queue=0)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            await hasher.hash("x")
    assert hasher._slots._value == 1
    await hasher.close()


async def test_closing_waits_for_what_was_begun_and_refuses_the_rest(gated):
    scheme, hasher = gated
    tasks = await start(scheme, hasher, 3)
    closing = asyncio.create_task(hasher.close())
    await asyncio.sleep(0)
    with pytest.raises(ShuttingDown):
        await hasher.hash("late")
    assert not closing.done()
    scheme.gate.set()
    await closing
    assert [await task for task in tasks] == ["password 0", "password 1", "password 2"]


async def test_closing_twice_at_once_and_again_does_nothing_more(gated):
    scheme, hasher = gated
    tasks = await start(scheme, hasher, 3)
    closing = [asyncio.create_task(hasher.close()) for _ in range(2)]
    scheme.gate.set()
    await asyncio.gather(*closing)
    await hasher.close()
    assert await asyncio.gather(*tasks) == ["password 0", "password 1", "password 2"]


async def test_who_gives_up_on_closing_can_close_again(gated):
    scheme, hasher = gated
    tasks = await start(scheme, hasher, 3)
    closing = asyncio.create_task(hasher.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    with pytest.raises(ShuttingDown):
        await hasher.verify("late", None)
    scheme.gate.set()
    await hasher.close()
    assert all(task.done() or not task.cancelled() for task in tasks)
    assert await asyncio.gather(*tasks) == ["password 0", "password 1", "password 2"]


async def test_who_gives_up_while_it_closes_holds_nobody_up(gated):
    scheme, hasher = gated
    tasks = await start(scheme, hasher, 5)
    closing = asyncio.create_task(hasher.close())
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    scheme.gate.set()
    await closing
    assert hasher._slots._value == 5


async def test_a_hash_that_fails_when_nobody_waits_for_it_any_more_complains_to_nobody(gated):
    scheme, hasher = gated
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    tasks = await start(scheme, hasher, 2)
    scheme.fault = OSError("no memory")
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    scheme.gate.set()
    await hasher.close()
    await asyncio.sleep(0)
    assert complaints == []


def test_a_program_that_ends_in_the_middle_of_a_hash_ends_well():
    script = """
import asyncio
from deeper_auth import PasswordHasher

async def main():
    hasher = PasswordHasher()
    tasks = [asyncio.create_task(hasher.hash(f"password {number}")) for number in range(20)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


async def test_the_self_test_passes_on_a_sound_installation(hasher):
    hasher.self_test()


async def test_the_self_test_fails_when_hashing_fails():
    scheme = BrokenScheme()
    hasher = PasswordHasher(scheme)
    scheme.fault = AttributeError("module 'argon2' has no attribute '__version__'")
    with pytest.raises(InternalError, match=r"^Password hashing fails\.$"):
        hasher.self_test()
    await hasher.close()


async def test_the_self_test_fails_when_every_password_is_right():
    scheme = BrokenScheme()
    hasher = PasswordHasher(scheme)
    scheme.gullible = True
    with pytest.raises(InternalError, match=r"^Password hashing gives wrong answers\.$"):
        hasher.self_test()
    await hasher.close()


async def test_passlib_is_imported_without_a_warning():
    script = "import warnings; warnings.simplefilter('error'); from deeper_auth import Argon2id; Argon2id().hash('x')"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", script, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


def test_importing_the_package_silences_no_warning_of_others():
    with pytest.warns(DeprecationWarning, match="Accessing argon2.__version__"):
        warnings.warn("Accessing argon2.__version__ is deprecated", DeprecationWarning, stacklevel=1)


@given(st.text(max_size=50))
def test_normalising_twice_is_normalising_once(password):
    normalised = normalise(password)
    if normalised is not None:
        assert normalise(normalised) == normalised


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_every_spelling_of_a_password_is_normalised_alike(password):
    spellings = {normalise(unicodedata.normalize(form, password)) for form in ("NFC", "NFD")}
    assert spellings == {normalise(password)}


def test_no_password_is_refused_for_being_decomposed():
    # The early exit of `normalise` relies on this.
    longest = max(len(unicodedata.normalize("NFD", chr(point))) for point in range(sys.maxunicode + 1))
    assert longest == 4
    assert normalise(unicodedata.normalize("NFD", "\u1f82" * 1024)) == "\u1f82" * 1024


# What takes Python a fifth of a second to put in order, while nothing else runs: an attack on whoever waits.
ENDLESS_LETTERS = ["a" + "\u0345\u0315\u0334" * 1_300, "\u0f73" * 4_096, "a" + "\u0301" * 31, "b" * 900 + "\u0344" * 16]


@pytest.mark.parametrize("password", ENDLESS_LETTERS)
def test_a_letter_with_more_marks_than_any_language_has_is_in_nobodys_password(password):
    assert [normalise(unicodedata.normalize(form, password)) for form in ("NFC", "NFD")] == [None, None]
    assert normalise(password) is None


@pytest.mark.parametrize("password", ["a" + "\u0301" * 30, ("a" + "\u0334\u0315" * 15) * 30, "\u0f73" * 15])
def test_thirty_marks_on_a_letter_are_allowed(password):
    assert normalise(password) == unicodedata.normalize("NFC", password)


@given(st.text(st.sampled_from("a\u0301\u0334\u0344\u0f73\u1f82\uac00"), max_size=60))
def test_however_many_marks_there_are_every_spelling_is_treated_alike(password):
    spellings = {normalise(unicodedata.normalize(form, password)) for form in ("NFC", "NFD")}
    assert spellings == {normalise(password)}


@pytest.mark.parametrize("hashed", BROKEN_HASHES)
def test_a_broken_hash_is_not_readable(hashed):
    assert not Argon2id(CHEAP).is_readable(hashed)


@given(st.sampled_from([8, 64, 19_456]), st.integers(1, 3), st.integers(1, 2))
def test_every_hash_that_is_made_here_is_readable_and_not_outdated(memory, passes, lanes):
    if memory < 8 * lanes or memory == 19_456:
        memory = 64
    scheme = Argon2id(Argon2Cost(memory=memory, passes=passes, lanes=lanes))
    hashed = scheme.hash("x")
    assert scheme.is_readable(hashed)
    assert not scheme.is_outdated(hashed)
