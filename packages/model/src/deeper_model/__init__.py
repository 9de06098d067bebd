"""Streaming clients for large language model servers, behind one protocol."""

from deeper_model.provider import ModelProvider
from deeper_model.scripted import SCRIPTED_MODEL, ScriptedProvider, Step

__all__ = [
    "SCRIPTED_MODEL",
    "ModelProvider",
    "ScriptedProvider",
    "Step",
]
