"""The size of an answer: the number of row objects in it, as the reference counts them.

A row that is read once can be shown at many places, so a short document can produce
a very large answer from few rows. The limit is on what is shown. Counting exactly
takes a pass over all rows; so an upper bound from the lengths of lists comes first,
and most answers need no more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.execution.plan.nodes import LookupKeys, PlanStep, RowOutput, RowTuples, TypedKeys

LookupKeyValues = Mapping[LookupKeys, TypedKeys]
"""The keys that the root fields of a request name."""


def estimate_max_rows(
    steps: Sequence[PlanStep], max_list_lengths: Sequence[int], lookup_values: LookupKeyValues
) -> int:
    """Return an upper bound of the number of shown rows, without looking at rows.

    The first of `steps` makes the answer, and each follows its parent.
    `max_list_lengths` has, for each step, the maximal number of rows for one key.
    """
    key_counts, total = [0] * len(steps), 0
    for child_step in steps[0].child_steps:
        key_counts[child_step.index] = (
            1 if child_step.lookup is None else len(lookup_values[child_step.lookup[0]])
        )
    for step in steps[1:]:
        row_count = key_counts[step.index] * max_list_lengths[step.index]
        for output in step.outputs:
            if output.child_step is None:
                total += row_count
            else:
                key_counts[output.child_step.index] += row_count
    return total


def count_shown_rows(
    steps: Sequence[PlanStep], rows: Sequence[RowTuples], lookup_values: LookupKeyValues
) -> int:
    """Return the number of rows in the answer, each counted as often as it is shown."""
    key_occurrences: list[Counter[Any]] = [Counter() for _ in steps]
    for child_step in steps[0].child_steps:
        key_occurrences[child_step.index] = _count_lookup_keys(child_step, lookup_values)
    return sum(_count_step_rows(step, rows[step.index], key_occurrences) for step in steps)


def _count_step_rows(step: PlanStep, rows: RowTuples, key_occurrences: list[Counter[Any]]) -> int:
    """Return the number of rows that a step shows; add the occurrences of its children's keys."""
    own_occurrences, total = key_occurrences[step.index], 0
    for output in step.outputs:
        visible_rows = [row for row in rows if _is_output_visible(output, row)]
        if output.child_step is None:
            total += sum(own_occurrences[row[0]] for row in visible_rows)
        elif output.key_position:
            child_occurrences = key_occurrences[output.child_step.index]
            for row in visible_rows:
                child_occurrences[row[output.key_position]] += own_occurrences[row[0]]
    return total


def _is_output_visible(output: RowOutput, row: tuple[Any, ...]) -> bool:
    """Return whether a row has an output: it is visible and present."""
    return all(row[position] for position in output.visible_positions) and all(
        row[position] is not None for position in output.non_null_positions
    )


def _count_lookup_keys(step: PlanStep, lookup_values: LookupKeyValues) -> Counter[Any]:
    """Return how often a root field names each key of a step's type."""
    if step.lookup is None:
        return Counter([None])
    lookup_keys, type_name = step.lookup
    return Counter(
        typed_key[1]
        for typed_key in lookup_values[lookup_keys]
        if typed_key is not None and typed_key[0] == type_name
    )
