"""Hash schemes that are quick, count their calls, or stand still until they are let go."""

import threading

from deeper_auth import Argon2Cost, Argon2id

CHEAP = Argon2Cost(memory=8, passes=1, lanes=1)


class CountingScheme:
    """Argon2id at the lowest cost, with a count of what was asked of it."""

    def __init__(self, cost: Argon2Cost = CHEAP) -> None:
        self._scheme = Argon2id(cost)
        self.hashed = 0
        self.verified = 0

    def hash(self, password: str) -> str:
        self.hashed += 1
        return self._scheme.hash(password)

    def verify(self, password: str, hashed: str) -> bool:
        self.verified += 1
        return self._scheme.verify(password, hashed)

    def is_readable(self, hashed: str) -> bool:
        return self._scheme.is_readable(hashed)

    def is_outdated(self, hashed: str) -> bool:
        return self._scheme.is_outdated(hashed)


class GatedScheme:
    """Every hash after the first, which a hasher makes for itself, waits until ``gate`` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started = threading.Semaphore(0)
        self.running = 0
        self.most_running = 0
        self.fault: Exception | None = None
        self._lock = threading.Lock()
        self._first = True

    def hash(self, password: str) -> str:
        if self._first:
            self._first = False
            return password
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.started.release()
        assert self.gate.wait(30)
        with self._lock:
            self.running -= 1
        if self.fault is not None:
            raise self.fault
        return password

    def verify(self, password: str, hashed: str) -> bool:
        return password == hashed

    def is_readable(self, hashed: str) -> bool:
        return bool(hashed)

    def is_outdated(self, hashed: str) -> bool:
        return not hashed


class BrokenScheme(CountingScheme):
    """Hashes until it is broken; then raises, or believes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Exception | None = None
        self.gullible = False

    def hash(self, password: str) -> str:
        if self.fault is not None:
            raise self.fault
        return super().hash(password)

    def verify(self, password: str, hashed: str) -> bool:
        return (self.gullible and self.is_readable(hashed)) or super().verify(password, hashed)
