"""``deeper openapi``: the description of the HTTP API, for those who make clients of it."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import json

import rich_click as click

from deeper_api.routes.openapi import openapi_document


@click.command("openapi")
def command() -> None:
    """Print the OpenAPI document of the HTTP API.

    It needs no configuration and no database: the document depends on this version of the server only.
    """
    click.echo(json.dumps(openapi_document(), indent=2, sort_keys=True, ensure_ascii=False))
