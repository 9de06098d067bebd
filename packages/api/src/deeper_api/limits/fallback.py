"""By what limits are kept while Redis does not answer: by this process alone, with its share."""

from collections.abc import Sequence

from deeper_api.limits.buckets import Bucket, Buckets, BucketsUnavailable, Decision


class FallbackBuckets:
    """Asks ``shared``, and ``own`` when that fails."""

    def __init__(self, shared: Buckets, own: Buckets) -> None:
        self._shared = shared
        self._own = own

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        """Take what each bucket is asked for: from all of them, or from none."""
        try:
            return await self._shared.take(caller, buckets)
        except BucketsUnavailable:
            return await self._own.take(caller, buckets)
