"""The parts of psycopg that are not documented, all used here: the decoding of libpq's results.

A new version of psycopg may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

from typing import Any

from psycopg.abc import Transformer as AbstractTransformer
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

__all__ = ["AbstractTransformer", "PGresult", "Transformer", "decode_rows", "error_from_result"]


def decode_rows(transformer: AbstractTransformer, result: PGresult) -> list[tuple[Any, ...]]:
    """Return the rows of a result; any error raised means that a value can't be decoded."""
    transformer.set_pgresult(result)
    try:
        return transformer.load_rows(0, result.ntuples, tuple)
    finally:
        transformer.set_pgresult(None)
