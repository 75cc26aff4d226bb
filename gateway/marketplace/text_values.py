"""Validation of short texts that a resource stores."""

from collections.abc import Iterator

from gateway.marketplace.problems import (
    InvalidField,
    build_invalid_field,
    combine_invalid_fields,
    raise_problem,
)

MAX_NAME_LENGTH, MAX_DESCRIPTION_LENGTH = 150, 4096
"""Maximum numbers of characters in a resource's name and description."""


def find_text_problem(
    text: str, *path: str, max_length: int | None = None, is_required: bool = True
) -> Iterator[InvalidField]:
    """Yield the problem of a text, if there is one; spaces around it don't count."""
    length = len(text.strip())
    if is_required and not length:
        yield build_invalid_field(*path, message="must not be empty.")
    elif max_length is not None and length > max_length:
        yield build_invalid_field(
            *path, message=f"must have at most {max_length} characters, got {length}."
        )


def raise_invalid_fields(fields: list[InvalidField]) -> None:
    """Raise ChangeRefusedError if there are invalid fields."""
    if fields:
        raise_problem(combine_invalid_fields(*fields))
