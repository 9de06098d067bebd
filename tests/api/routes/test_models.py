from tests.fakes.exchanges import Account


async def test_the_models_of_the_model_server_are_listed(account: Account):
    reply = await account.client.get("/v1/models")
    assert (reply.status, reply.json()) == (
        200,
        [
            {
                "name": "scripted",
                "family": "scripted",
                "context_length": 8192,
                "loaded": True,
                "capabilities": ["completion", "tools", "vision", "thinking"],
            }
        ],
    )
