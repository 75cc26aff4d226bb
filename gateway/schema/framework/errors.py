"""What goes wrong with a request because of what the client sent."""

from math import isfinite

from graphql import GraphQLError

LONGEST = MANY = 1000
"""Characters of a text that is looked for, and values of a list or an object."""
DEEPEST = 40
"""Names in the path to a value."""


class BadInputError(GraphQLError):
    """An argument has a value that makes no sense; the error says which and what would."""

    def __init__(self, message: str, *argument: str | int) -> None:
        """Name the `argument` by its path, as in `filter`, `name`."""
        super().__init__(message, extensions={"code": "BAD_USER_INPUT", "argument": list(argument)})


def checked(value: object, *argument: str | int, bounded: bool = True) -> None:
    """Refuse what no database can hold in `value` and, if `bounded`, more than can be looked for.

    What is to be kept has no bounds but those of the request.
    """
    if isinstance(value, (str, float)):
        trouble = _trouble(value, bounded=bounded)
        if trouble:
            raise BadInputError(trouble, *argument)
    elif isinstance(value, (list, dict)):
        if bounded and len(value) > MANY:
            kind = "A list" if isinstance(value, list) else "An object"
            raise BadInputError(f"{kind} has at most {MANY} values.", *argument)
        if len(argument) > DEEPEST:
            raise BadInputError("The value is nested too deeply.", *argument)
        _below(value, *argument, bounded=bounded)


def _below(value: list[object] | dict[str, object], *argument: str | int, bounded: bool) -> None:
    if isinstance(value, dict):
        for name in value:
            checked(name, *argument, bounded=bounded)
    for place, each in value.items() if isinstance(value, dict) else enumerate(value):
        checked(each, *argument, place, bounded=bounded)


def _trouble(text: str | float, *, bounded: bool) -> str | None:
    if isinstance(text, float):
        return None if isfinite(text) else "The number is out of range."
    if bounded and len(text) > LONGEST:
        return f"A text has at most {LONGEST} characters."
    if "\x00" in text:
        return "The text holds a NUL character; remove it."
    half = any("\ud800" <= each <= "\udfff" for each in text)
    return "The text holds half a surrogate pair." if half else None
