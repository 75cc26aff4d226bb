"""How much an answer shows: rows, counted at each place where one stands, as the reference does.

A row that is read once can be shown at many places, so a short document can
ask for a very long answer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.execution.plan.nodes import Named, Pairs, Rows, Shown, Step

PairsOf = Mapping[Named, Pairs]


def bound(steps: Sequence[Step], longest: Sequence[int], named: PairsOf) -> int:
    """Give, in no time, a number of rows that the answer does not exceed.

    The step that makes the answer is the first, and each stands after the one
    that it hangs from; `longest` has how many rows each has at most for one key.
    """
    keys, total = [0] * len(steps), 0
    for each in steps[0].below:
        keys[each.index] = 1 if each.named is None else len(named[each.named[0]])
    for step in steps[1:]:
        rows = keys[step.index] * longest[step.index]
        for shown in step.shown:
            if shown.step is None:
                total += rows
            else:
                keys[shown.step.index] += rows
    return total


def count(steps: Sequence[Step], rows: Sequence[Rows], named: PairsOf) -> int:
    """Count the rows that the answer shows, each as often as it stands there."""
    times: list[Counter[Any]] = [Counter() for _ in steps]
    for each in steps[0].below:
        times[each.index] = _starts(each, named)
    return sum(_shown(step, rows[step.index], times) for step in steps)


def _shown(step: Step, rows: Rows, times: list[Counter[Any]]) -> int:
    """Count what a step shows; note how often what is below it is shown."""
    here, total = times[step.index], 0
    for shown in step.shown:
        found = [row for row in rows if _is_shown(shown, row)]
        if shown.step is None:
            total += sum(here[row[0]] for row in found)
        elif shown.key:
            for row in found:
                times[shown.step.index][row[shown.key]] += here[row[0]]
    return total


def _is_shown(shown: Shown, row: tuple[Any, ...]) -> bool:
    """Tell whether a row shows something."""
    return all(row[place] for place in shown.when) and all(
        row[place] is not None for place in shown.there
    )


def _starts(step: Step, named: PairsOf) -> Counter[Any]:
    """Give how often each key stands in the document that a step starts from."""
    if step.named is None:
        return Counter([None])
    field, name = step.named
    return Counter(each[1] for each in named[field] if each is not None and each[0] == name)
