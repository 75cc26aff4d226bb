"""Requests to Waldur's REST API, as data."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_form import EncodedBody, encode_form, encode_json_body

FieldPath = tuple[str, ...]
FollowUp = Callable[[UnitOfWork, RestAnswer], Awaitable["RestRequest | None"]]
"""Builds the request that has to follow an accepted one; None if nothing has to."""
_OPEN_OBJECTS = frozenset({"limits", "allocated_limits", "options", "attributes"})
"""Members of bodies whose own members are named by the client."""


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
    """Paths in the mutation's input by name in the body; see `translate_path`."""
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

    def translate_path(self, path: Sequence[str]) -> list[str]:
        """Return the path in the mutation's input of a value in the body, which an error names.

        `input_paths` has paths by dotted path, such as `attributes.name`, or by a name wherever it
        occurs. Other names are spelled in camelCase; those of limits, options and attributes stay.
        """
        whole_path = self.input_paths.get(".".join(path))
        if whole_path is not None:
            return [*whole_path]
        translated: list[str] = []
        for index, name in enumerate(path):
            translated += self.input_paths.get(name, (_to_camel_case(name),))
            if name in _OPEN_OBJECTS:
                return [*translated, *path[index + 1 :]]
        return translated


def _to_camel_case(name: str) -> str:
    first_word, *other_words = name.split("_")
    return first_word + "".join(each.capitalize() for each in other_words)
