"""How long and how large an exchange with a model server may be."""

from msgspec import Struct

MIB = 2**20


class WireLimits(Struct, frozen=True, kw_only=True):
    """Limits of every exchange: seconds and bytes. None removes one.

    ``connect`` bounds name look-up, TCP and TLS. ``first_byte`` bounds the wait for the first event of an answer, which
    for Ollama includes queueing, loading the model and reading the prompt: below some six minutes a slow disk can keep
    a model from ever being loaded. ``idle`` bounds the wait for each further event; comments and blank lines are no
    events. Silence of minutes is normal there, because a server may hold a tool call back until it is whole. Neither
    runs while the consumer of the stream is busy. ``ending`` bounds the wait for what may follow the finish reason.
    ``reply`` bounds everything that is not a stream, and the reading of an error's body.

    ``line_bytes`` bounds one line or event of a stream, ``answer_bytes`` a whole stream, ``reply_bytes`` a whole reply
    that is not one. A token takes some 200 bytes on the wire; a model server that never ends would take all memory.
    """

    connect: float | None = 5.0
    first_byte: float | None = 600.0
    idle: float | None = 300.0
    ending: float | None = 5.0
    reply: float | None = 10.0
    line_bytes: int | None = 16 * MIB
    answer_bytes: int | None = 128 * MIB
    reply_bytes: int | None = 32 * MIB
