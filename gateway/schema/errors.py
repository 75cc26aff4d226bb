"""What goes wrong with a request because of what the client sent."""

from graphql import GraphQLError

LONGEST = 1000
"""Characters of a text that is searched for."""


class BadInputError(GraphQLError):
    """An argument has a value that makes no sense; the error says which and what would."""

    def __init__(self, message: str, *argument: str | int) -> None:
        """Name the `argument` by its path, as in `filter`, `name`."""
        super().__init__(message, extensions={"code": "BAD_USER_INPUT", "argument": list(argument)})


def checked(value: object, *argument: str | int) -> None:
    """Refuse text that no database can hold, or that is too long to look for, in `value`."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise BadInputError(f"A text has at most {LONGEST} characters.", *argument)
        if "\x00" in value:
            raise BadInputError("The text holds a NUL character; remove it.", *argument)
        if any("\ud800" <= each <= "\udfff" for each in value):
            raise BadInputError("The text holds half a surrogate pair.", *argument)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            checked(each, *argument, place)
