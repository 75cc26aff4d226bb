"""Requests to Waldur's REST API, as data."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.marketplace.problems import Problem
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_form import (
    ATTACHMENT_NAME,
    EncodedBody,
    encode_form,
    encode_json_body,
)

FieldPath = tuple[str, ...]
FollowUp = Callable[[UnitOfWork, RestAnswer], Awaitable["RestRequest | Problem | None"]]
"""Builds the request that has to follow an accepted one, or tells why it can't.

None if nothing has to follow.
"""


@dataclass(frozen=True, kw_only=True)
class RestRequest:
    """One request to the REST API."""

    method: str = "POST"
    path: str
    """Path below the URL of the API, such as `/api/marketplace-resources/<uuid>/pull/`."""
    route: str
    """Name of the route, for logs and messages, such as `marketplace-resources/pull`."""
    since: str = ""
    """The first version of Waldur that is known to have the route; empty if all have it."""
    body: Mapping[str, Any] | None = None
    """JSON object; None sends no body."""
    attachment: bytes | None = None
    """PDF file; with it the body travels as a multipart form."""
    input_paths: Mapping[str, FieldPath] = field(default_factory=dict)
    """Paths in the mutation's input by path in the body; see `find_input_path`."""
    is_repeatable: bool = False
    """Whether sending it twice leaves the same as sending it once, and has the same answer."""
    fallback: "RestRequest | None" = None
    """The request that older versions take, which lack the route of this one."""
    fallback_note: str = ""
    """Sentence about the rules that only the fallback has, for the message of its refusal."""
    refusal_note: str = ""
    """Sentence that is added to the message if values of the body are refused."""
    problem_context: str = ""
    """Sentence that precedes the message of any problem that the request leads to."""
    follow_up: FollowUp | None = None

    def encode_body(self) -> EncodedBody | None:
        """Return the body as it is sent; None without one."""
        if self.attachment is not None:
            return encode_form(self.body or {}, self.attachment)
        return None if self.body is None else encode_json_body(self.body)

    def find_input_path(self, body_path: FieldPath) -> FieldPath | None:
        """Return the path in the mutation's input of a path in the body; None if it is not of it.

        `input_paths` has paths by the dotted path in the body, with `*` for the index in a list.
        Names inside a value are those of the input, too; the first one is spelled in camelCase.
        """
        indexes = iter([each for each in body_path if each.isdigit()])
        pattern = ["*" if each.isdigit() else each for each in body_path]
        for length in range(len(body_path), 0, -1):
            input_path = self.input_paths.get(".".join(pattern[:length]))
            if input_path is not None:
                start = [next(indexes) if each == "*" else each for each in input_path]
                return (*start, *body_path[length:])
        if not body_path or body_path[0] not in self._list_names():
            return None
        first_word, *other_words = body_path[0].split("_")
        return (first_word + "".join(each.capitalize() for each in other_words), *body_path[1:])

    def _list_names(self) -> list[str]:
        return [*(self.body or ()), *(() if self.attachment is None else (ATTACHMENT_NAME,))]
