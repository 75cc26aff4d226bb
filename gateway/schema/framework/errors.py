"""What goes wrong with a request because of what the client sent."""

from math import isfinite

from graphql import GraphQLError

MAX_TEXT_LENGTH = MAX_COLLECTION_SIZE = 1000
"""Characters of a text that is looked for, and values of a list or an object."""
MAX_INPUT_PATH_LENGTH = 40
"""Names in the path to a value."""


class BadInputError(GraphQLError):
    """An argument has a value that makes no sense; the error says which and what would."""

    def __init__(self, message: str, *path: str | int) -> None:
        """Name the `argument` by its path, as in `filter`, `name`."""
        super().__init__(message, extensions={"code": "BAD_USER_INPUT", "argument": list(path)})


def validate_input(value: object, *path: str | int, bounded: bool = True) -> None:
    """Refuse what no database can hold in `value` and, if `bounded`, more than can be looked for.

    What is to be kept has no bounds but those of the request.
    """
    if isinstance(value, (str, float)):
        problem = _find_scalar_problem(value, bounded=bounded)
        if problem:
            raise BadInputError(problem, *path)
    elif isinstance(value, (list, dict)):
        if bounded and len(value) > MAX_COLLECTION_SIZE:
            kind = "A list" if isinstance(value, list) else "An object"
            raise BadInputError(f"{kind} has at most {MAX_COLLECTION_SIZE} values.", *path)
        if len(path) > MAX_INPUT_PATH_LENGTH:
            raise BadInputError("The value is nested too deeply.", *path)
        _validate_items(value, *path, bounded=bounded)


def _validate_items(
    value: list[object] | dict[str, object], *path: str | int, bounded: bool
) -> None:
    if isinstance(value, dict):
        for name in value:
            validate_input(name, *path, bounded=bounded)
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        validate_input(item, *path, key, bounded=bounded)


def _find_scalar_problem(value: str | float, *, bounded: bool) -> str | None:
    if isinstance(value, float):
        return None if isfinite(value) else "The number is out of range."
    if bounded and len(value) > MAX_TEXT_LENGTH:
        return f"A text has at most {MAX_TEXT_LENGTH} characters."
    if "\x00" in value:
        return "The text holds a NUL character; remove it."
    has_lone_surrogate = any("\ud800" <= character <= "\udfff" for character in value)
    return "The text holds half a surrogate pair." if has_lone_surrogate else None
