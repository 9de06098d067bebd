"""Writes a tiny language model of random weights, small enough for a test to make and real enough for llama.cpp.

Two layers of 64 numbers and about 600 tokens, in the GGUF format (version 3), with the standard library only. The same
settings give the same bytes. One number of the hidden state is kept constant, so the matching column of the output
matrix shifts each token's likelihood: that is how control tokens are kept out and how often an answer ends is set.
"""

import array
import random
import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

# The form of tool calls is the one that llama.cpp recognises by itself.
_TEMPLATE = r"""
{%- if tools -%}
<|system|>{{ '\n' }}Functions:{{ '\n' }}
{%- for tool in tools %}{{ tool | tojson }}{{ '\n' }}{% endfor -%}
To call one, write <tool_call>{{ '\n' }}{"name": NAME, "arguments": ARGS}{{ '\n' }}</tool_call></s>{{ '\n' }}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'assistant' -%}
<|assistant|>{{ '\n' }}
THOUGHTS
{{ message.content or '' }}
{%- for call in message.tool_calls or [] -%}
{%- set function = call.function or call -%}
{{ '\n<tool_call>\n{"name": "' + function.name + '", "arguments": ' }}
{{- (function.arguments | tojson) + '}\n</tool_call>' }}
{%- endfor -%}
{{ '</s>\n' }}
{%- elif message.role == 'tool' -%}
{{ '<|user|>\n<tool_response>\n' + message.content + '\n</tool_response></s>\n' }}
{%- else -%}
{{ '<|' + message.role + '|>\n' + message.content + '</s>\n' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}THINK{% endif -%}
"""

# A template that so much as names these tags makes llama.cpp wait for thoughts, even before JSON of a schema.
_THOUGHTS = (
    r"{%- if message.reasoning_content %}<think>{{ '\n' + message.reasoning_content + '\n' }}</think>{% endif -%}"
)

_NEVER = -30.0
_END_OF_SEQUENCE = 2


class _Kind(IntEnum):
    """Token types of GGUF."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    BYTE = 6


_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u", "ei", "oa")]
_SPACE = "▁"  # SentencePiece writes a blank so
_TOKENS: list[tuple[str, _Kind]] = [
    ("<unk>", _Kind.UNKNOWN),
    ("<s>", _Kind.CONTROL),
    ("</s>", _Kind.CONTROL),
    *((f"<0x{byte:02X}>", _Kind.BYTE) for byte in range(256)),
    *((text, _Kind.NORMAL) for text in (_SPACE, *map(chr, range(33, 127)), *"\näß中文😀🎈")),
    *((text, _Kind.NORMAL) for syllable in _SYLLABLES for text in (_SPACE + syllable, syllable)),
    ('<tool_call>\n{"name": "', _Kind.USER_DEFINED),
    ("\n</think>\n", _Kind.USER_DEFINED),
]

TOOL_CALL_TOKEN = '<tool_call>\n{"name": "'
"""The token that opens a tool call; a bias on it makes the model call."""
END_TOKEN = _END_OF_SEQUENCE
"""The token that ends an answer."""

_TYPE_CODES: dict[type, tuple[int, str]] = {bool: (7, "<?"), int: (4, "<I"), float: (6, "<f")}


@dataclass(frozen=True, kw_only=True)
class TinyModel:
    """Settings of a model: ``eos`` shifts how likely an answer is to end, ``call`` how likely it is to call a tool.

    ``think`` makes it reason first.
    """

    seed: int = 0
    context: int = 4_096
    width: int = 64
    layers: int = 2
    eos: float = _NEVER
    call: float = _NEVER
    think: bool = False

    def write(self, path: Path) -> None:
        """Write the model to ``path``."""
        tensors = self._tensors()
        metadata = self._metadata()
        head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
        for key, value in metadata.items():
            head += _text(key) + _value(value)
        data = bytearray()
        for name, (shape, numbers) in tensors.items():
            head += _text(f"{name}.weight") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
            data += numbers.tobytes()
            data += bytes(-len(data) % 32)
        path.write_bytes(head + bytes(-len(head) % 32) + data)

    def _metadata(self) -> dict[str, object]:
        return {
            "general.architecture": "llama",
            "general.name": "tiny",
            "llama.context_length": self.context,
            "llama.embedding_length": self.width,
            "llama.block_count": self.layers,
            "llama.feed_forward_length": 2 * self.width,
            "llama.attention.head_count": 4,
            "llama.rope.dimension_count": self.width // 4,
            "llama.attention.layer_norm_rms_epsilon": 1e-5,
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": [text for text, _ in _TOKENS],
            "tokenizer.ggml.scores": [-float(place) for place in range(len(_TOKENS))],
            "tokenizer.ggml.token_type": [int(kind) for _, kind in _TOKENS],
            "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.ggml.eos_token_id": _END_OF_SEQUENCE,
            "tokenizer.ggml.add_bos_token": False,
            "tokenizer.chat_template": self._template(),
        }

    def _template(self) -> str:
        thoughts, opening = (_THOUGHTS, r"<think>{{ '\n' }}") if self.think else ("", "")
        return _TEMPLATE.strip().replace("THOUGHTS\n", thoughts).replace("THINK", opening)

    def _tensors(self) -> dict[str, tuple[tuple[int, ...], "array.array[float]"]]:
        chance = random.Random(self.seed)
        width, inner, count = self.width, 2 * self.width, len(_TOKENS)

        def noise(rows: int, columns: int, scale: float) -> "array.array[float]":
            return array.array("f", [chance.gauss(0.0, scale) for _ in range(rows * columns)])

        embedding, output = noise(count, width, 1.0), noise(count, width, 0.15)
        for token, (_, kind) in enumerate(_TOKENS):
            embedding[token * width] = 4.0
            output[token * width] = 0.0 if kind is _Kind.NORMAL else _NEVER
        output[_END_OF_SEQUENCE * width] = self.eos
        if self.call > _NEVER:
            output[[text for text, _ in _TOKENS].index(TOOL_CALL_TOKEN) * width] = self.call
        ones = array.array("f", [1.0] * width)
        tensors: dict[str, tuple[tuple[int, ...], array.array[float]]] = {
            "token_embd": ((width, count), embedding),
            "output": ((width, count), output),
            "output_norm": ((width,), ones),
        }
        for layer in range(self.layers):
            block = f"blk.{layer}"
            for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
                tensors[f"{block}.{name}"] = (width, width), noise(width, width, width**-0.5)
            for name in ("ffn_gate", "ffn_up"):
                tensors[f"{block}.{name}"] = (width, inner), noise(inner, width, width**-0.5)
            tensors[f"{block}.ffn_down"] = (inner, width), noise(width, inner, inner**-0.5)
            for name in ("attn_norm", "ffn_norm"):
                tensors[f"{block}.{name}"] = (width,), ones
            # What a layer adds to the constant number is nothing.
            for name, columns in (("attn_output", width), ("ffn_down", inner)):
                tensors[f"{block}.{name}"][1][:columns] = array.array("f", [0.0] * columns)
        return tensors


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: object) -> bytes:
    """A metadata value with its type code."""
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, list):
        # A list gives its elements' type once. Token types must be signed (5), other integers are not (4).
        inner = [_value(item) for item in value]
        kind = struct.pack("<I", 5) if isinstance(value[0], int) else inner[0][:4]
        return struct.pack("<I", 9) + kind + struct.pack("<Q", len(value)) + b"".join(item[4:] for item in inner)
    code, form = _TYPE_CODES[type(value)]
    return struct.pack("<I", code) + struct.pack(form, value)
