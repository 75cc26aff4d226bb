"""Waldur of October 2024 as it has answered: its recorded answers to requests for changes."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.responses import JSONResponse, Response

from tests.support.project_paths import WALDUR_FILES
from tests.support.rest_server import RecordedRequest, RestServer
from tests.support.waldur_stand_in.api_description import load_api_description
from tests.support.waldur_stand_in.problem_answers import answer_missing_route

_BASE_URL_PATTERN = re.compile(r"http://[^/]+(?=/api/)")
_COLLECTION_PATTERN = re.compile(r"/api/[a-z-]+/")


RequestKey = tuple[str, str, str]
"""The path of a request, or a part of it; the user; the body."""


class RecordedAnswer(NamedTuple):
    """An answer, and the request that it was given to."""

    name: str
    path: str
    username: str
    body: Any
    status: int
    headers: Mapping[str, str]
    content: Any

    @property
    def uuid(self) -> str:
        """The uuid in the path."""
        return self.path.split("/")[3]

    @property
    def action(self) -> str:
        """The action in the path."""
        return find_action(self.path)

    def build_response(self) -> Response:
        """Return the answer with the status, the headers and the body that were recorded."""
        if isinstance(self.content, str):
            return Response(self.content, self.status, self.headers)
        return JSONResponse(self.content, self.status, self.headers)


def load_recorded_answers() -> dict[str, RecordedAnswer]:
    """Return the answers to requests for changes by name, such as `post_pull_staff`."""
    answers = {}
    for path in sorted((WALDUR_FILES / "rest").glob("post_*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        request = record["request"]
        answers[path.stem] = RecordedAnswer(
            path.stem,
            request["path"],
            request["user"],
            request["body"],
            record["status"],
            record["headers"],
            record["body"],
        )
    return answers


class RecordedWaldur:
    """Answers the requests of a server as Waldur did; requests without a record are noted."""

    def __init__(self, server: RestServer, usernames_by_token: Mapping[str, str]) -> None:
        """Answer the requests of a server, whose users have these tokens."""
        self._usernames = usernames_by_token
        self._answers: dict[RequestKey, RecordedAnswer] = {}
        for answer in load_recorded_answers().values():
            for key in _list_keys(answer.path, answer.username, answer.body):
                self._answers.setdefault(key, answer)
        self.unknown_requests: list[RequestKey] = []
        server.respond = self.respond

    def respond(self, request: RecordedRequest) -> Response:
        """Return the recorded answer; Django's page if this Waldur lacks the route."""
        _, routes = load_api_description("T24").list_routes(request.path)
        if not any(each.method == request.method for each in routes):
            return answer_missing_route()
        username = self._usernames[request.headers["authorization"].removeprefix("Token ")]
        keys = _list_keys(request.path, username, request.body or {})
        for key in keys:
            if key in self._answers:
                return self._answers[key].build_response()
        self.unknown_requests.append(keys[0])
        return Response(status_code=500)


def _list_keys(path: str, username: str, body: Any) -> list[RequestKey]:
    """Return keys of a request, the exact one first.

    Either collection may have the action, and other resources of the user the same answer.
    """
    paths = path, _COLLECTION_PATTERN.sub("", path), find_action(path)
    return [(each, username, _spell_body(body)) for each in paths]


def find_action(path: str) -> str:
    """Return the action in a path."""
    return path.strip("/").rpartition("/")[2]


def _spell_body(body: Any) -> str:
    """Return a body as text; options that are left out are none."""
    body = {} if body == {"options": {}} else body
    return _BASE_URL_PATTERN.sub("", json.dumps(body, sort_keys=True))
