"""Streaming clients for large language model servers, behind one protocol."""

from deeper_model.contexts import passing_on
from deeper_model.limits import WireLimits
from deeper_model.ollama import OllamaProvider, OllamaSettings
from deeper_model.openai import OpenAICompatibleProvider, OpenAISettings
from deeper_model.pool import ModelPool, PoolMember
from deeper_model.provider import ModelProvider
from deeper_model.retries import RetryingProvider, RetryPolicy, retry_delay
from deeper_model.scripted import SCRIPTED_MODEL, ScriptedProvider, Step

__all__ = [
    "SCRIPTED_MODEL",
    "ModelPool",
    "ModelProvider",
    "OllamaProvider",
    "OllamaSettings",
    "OpenAICompatibleProvider",
    "OpenAISettings",
    "PoolMember",
    "RetryPolicy",
    "RetryingProvider",
    "ScriptedProvider",
    "Step",
    "WireLimits",
    "passing_on",
    "retry_delay",
]
