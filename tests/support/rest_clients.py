"""Clients of the REST API for tests, and a requester."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.config.settings import load_settings
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Viewer
from gateway.marketplace.requester import Requester
from gateway.rest_api.rest_client import RestClient
from gateway.rest_api.rest_request import RestRequest

SECRET_KEY = "0123456789abcdef0123456789abcdef01234567"
REQUESTER = Requester(Viewer(user_id=1), Credentials(key=SECRET_KEY), "request-1")
ACTION = RestRequest(path="/api/things/1/act/", route="things/act", body={"end_date": "2031-01-01"})


@asynccontextmanager
async def open_rest_client(url: str, **settings: str) -> AsyncIterator[RestClient]:
    """Yield a client of the REST API at a URL; `settings` are variables without their prefix."""
    variables = {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
    client = RestClient(load_settings({"GATEWAY_WALDUR_URL": url, **variables}))
    try:
        yield client
    finally:
        await client.close()
