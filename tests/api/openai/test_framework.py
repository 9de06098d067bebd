"""Pydantic AI, a framework over OpenAI's client, at a running server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel, Field
from pydantic_ai import Agent, ModelHTTPError, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
from pydantic_ai.providers.openai import OpenAIProvider

from tests.api.openai.conftest import Door

SHORT = OpenAIChatModelSettings(max_tokens=8, seed=1)


class Trip(BaseModel):
    """What is to be found out."""

    city: str = Field(max_length=5)
    days: int = Field(ge=0, le=9)


@asynccontextmanager
async def model_at(door: Door, name: str | None = None) -> AsyncGenerator[OpenAIChatModel]:
    """The framework's model behind the door, by its connections, which it would not close itself."""
    async with door.client() as client:
        yield OpenAIChatModel(name or door.model, provider=OpenAIProvider(openai_client=client))


async def test_an_agent_answers(door: Door):
    async with model_at(door) as model:
        result = await Agent(model, instructions="Be brief.", model_settings=SHORT).run("Hello")
    assert result.output
    assert result.usage.output_tokens == 8


async def test_an_agent_streams(door: Door):
    async with model_at(door) as model, Agent(model, model_settings=SHORT).run_stream("Hello") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
        whole = await result.get_output()
    assert "".join(pieces) == whole != ""


async def test_an_agent_uses_tools(scripted_door: Door):
    asked: list[str] = []

    def forecast(city: str) -> str:
        """Tell the weather."""
        asked.append(city)
        return "sunny"

    async with model_at(scripted_door) as model:
        result = await Agent(model, tools=[forecast]).run("Paris")
    assert asked == ["Paris"]
    assert "sunny" in result.output


async def test_an_agent_gets_what_it_wants_by_a_tool(tools_door: Door):
    settings = OpenAIChatModelSettings(parallel_tool_calls=False)
    async with model_at(tools_door) as model:
        result = await Agent(model, output_type=Trip, model_settings=settings).run("Paris")
    assert isinstance(result.output, Trip)


async def test_an_agent_gets_what_it_wants_by_a_schema(door: Door):
    settings = OpenAIChatModelSettings(seed=3, max_tokens=300)
    async with model_at(door) as model:
        result = await Agent(model, output_type=NativeOutput(Trip), model_settings=settings).run("Paris")
    assert isinstance(result.output, Trip)


async def test_an_agent_is_told_of_errors(scripted_door: Door):
    async with model_at(scripted_door, "no/such:model") as model:
        with pytest.raises(ModelHTTPError) as caught:
            await Agent(model).run("Hello")
    assert caught.value.status_code == 404
