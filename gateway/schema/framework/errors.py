"""Errors that a client causes by its input, and the validation that raises them."""

from graphql import GraphQLError

from gateway.error_table import ErrorKind

MAX_TEXT_LENGTH = MAX_COLLECTION_SIZE = 1000
"""Characters of a text, and items of a list or an object, in filters and searches."""
MAX_INPUT_PATH_LENGTH = 40
"""Names and indexes in the path to a nested value."""
MAX_CITED_CHARS = 200
"""Characters of a client's text that an error repeats."""
_CITED_HEAD_CHARS, _CITED_TAIL_CHARS = 160, 37


def shorten_text(text: str, max_chars: int = MAX_CITED_CHARS) -> str:
    """Return a text of more than `max_chars` as its start and its end, MAX_CITED_CHARS together."""
    if len(text) <= max_chars:
        return text
    return f"{text[:_CITED_HEAD_CHARS]} … {text[-_CITED_TAIL_CHARS:]}"


class BadInputError(GraphQLError):
    """An argument with an invalid value."""

    error_kind = ErrorKind.INVALID_INPUT

    def __init__(self, message: str, *path: str | int) -> None:
        """Describe the problem; `path` leads to the argument, such as `filter`, `name`."""
        code = self.error_kind.value.code
        super().__init__(message, extensions={"code": code, "argument": _limit_path(path)})


def _limit_path(path: tuple[str | int, ...]) -> list[str | int]:
    """Return the beginning of a path, as far as its names have MAX_CITED_CHARS together."""
    remaining_chars, limited_path = MAX_CITED_CHARS, list[str | int]()
    for key in path:
        remaining_chars -= len(str(key))
        if remaining_chars < 0:
            break
        limited_path.append(key)
    return limited_path


def validate_input(value: object, *path: str | int, bounded: bool = True) -> None:
    """Raise BadInputError if the database can't store `value` or, if `bounded`, it is too large.

    Values that a mutation stores are not bounded: the size of the request limits them.
    """
    if isinstance(value, (str, float)):
        problem = _find_scalar_problem(value, bounded=bounded)
        if problem:
            raise BadInputError(f"{_quote_path(path)} {problem}", *path)
    elif isinstance(value, (list, dict)):
        if bounded and len(value) > MAX_COLLECTION_SIZE:
            raise BadInputError(
                f"{_quote_path(path)} must have at most {MAX_COLLECTION_SIZE} items,"
                f" got {len(value)}.",
                *path,
            )
        if len(path) > MAX_INPUT_PATH_LENGTH:
            raise BadInputError(
                f"{_quote_path(path[:1])} must have at most {MAX_INPUT_PATH_LENGTH} levels.", *path
            )
        _validate_items(value, *path, bounded=bounded)


def _quote_path(path: tuple[str | int, ...]) -> str:
    return f"`{shorten_text('.'.join(map(str, path)))}`"


def _validate_items(
    value: list[object] | dict[str, object], *path: str | int, bounded: bool
) -> None:
    if isinstance(value, dict):
        for name in value:
            validate_input(name, *path, bounded=bounded)
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        validate_input(item, *path, key, bounded=bounded)


def _find_scalar_problem(value: str | float, *, bounded: bool) -> str | None:
    text = str(value)
    if bounded and len(text) > MAX_TEXT_LENGTH:
        return f"must have at most {MAX_TEXT_LENGTH} characters, got {len(text)}."
    if "\x00" in text:
        return "must not contain a NUL character."
    has_lone_surrogate = any("\ud800" <= character <= "\udfff" for character in text)
    return "must not contain a lone surrogate." if has_lone_surrogate else None
