from deeper_api.chat.bells import Bells
from deeper_core import GenerationId, new_id

FIRST, SECOND, THIRD = (GenerationId(new_id()) for _ in range(3))


def nothing() -> None:
    """Somebody who is woken."""


def something() -> None:
    """Somebody else."""


async def test_those_are_woken_who_follow_what_there_is_news_of():
    bells, woken = Bells(), list[str]()
    with (
        bells.waking(FIRST, lambda: woken.append("a")),
        bells.waking(FIRST, lambda: woken.append("b")),
        bells.waking(SECOND, lambda: woken.append("c")),
    ):
        bells.ring([FIRST, THIRD])
        assert sorted(woken) == ["a", "b"]
        bells.ring_all()
        assert sorted(woken) == ["a", "a", "b", "b", "c"]
    bells.ring_all()
    assert len(woken) == 5


async def test_what_somebody_follows_is_known_until_the_last_one_leaves():
    bells = Bells()
    with bells.waking(FIRST, nothing):
        with bells.waking(FIRST, something), bells.waking(SECOND, something):
            assert sorted(bells.followed) == sorted([FIRST, SECOND])
        assert bells.followed == [FIRST]
    assert bells.followed == []


async def test_joining_is_told():
    bells = Bells()
    assert not bells.joined.is_set()
    with bells.waking(FIRST, nothing):
        assert bells.joined.is_set()
