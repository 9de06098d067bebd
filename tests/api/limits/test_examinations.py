"""Why a Redis cannot be asked, in words."""

import pytest

from deeper_api.limits.examinations import RedisSilent, describe_redis
from tests.fixtures.redis import OwnRedis


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("redis://:wrong@127.0.0.1:{port}", "its user or password is wrong, or it wants one"),
        ("redis://127.0.0.1:{port}", "its user or password is wrong, or it wants one"),
        ("redis://:right@127.0.0.1:{port}/99", "it has no database of this number"),
        ("redis://127.0.0.1:9", "nothing listens at its address"),
        ("unix:///nowhere", "there is no socket at its address"),
    ],
)
async def test_one_that_cannot_be_asked_is_told_with_the_reason(own_redis: OwnRedis, address: str, why: str):
    own_redis.say("CONFIG SET requirepass right")
    with pytest.raises(RedisSilent, match=why):
        await describe_redis(address.format(port=own_redis.port))
