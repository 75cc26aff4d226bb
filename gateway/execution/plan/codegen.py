"""From a step's parts to Python code that makes response objects of rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatchmethod
from typing import Any

import msgspec
from graphql import get_named_type, is_non_null_type

from gateway.db.query_spec import Wanted
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import (
    OF_PAGE,
    Below,
    Beside,
    Call,
    Constant,
    Each,
    Given,
    Hidden,
    Kind,
    Known,
    Leaf,
    Lookup,
    Object,
    OfPage,
    Pairs,
    Shown,
    Step,
    Told,
)
from gateway.execution.plan.serializers import certain, inline, struct, too_wide, values, writer
from gateway.schema.framework.context import Fact
from gateway.schema.framework.scalars import rfc3339

BODIES = {
    Kind.ONE: "return {{c0: {part} for {row} in rows}}",
    Kind.MANY: """\
found = {{key: [] for key in keys}}
    for {row} in rows:
        found[c0].append({part})
    return found""",
    Kind.PAGE: "return {{key: {part} for key, page in rows.items()}}",
    Kind.COUNT: "return {{**dict.fromkeys(keys, 0), **{{r[0]: r[1] for r in rows}}}}",
    Kind.TOTAL: """\
return [
        {{r[0]: r[i] for r in rows if r[i] is not None}} for i in range(1, {width})
    ]""",
    Kind.ANSWER: "return {part}",
}

ROW, WIDTH = "$row", "$width"
"""Stand in the code for what is known only when all of it is written."""


def looked_up(pairs: Pairs, made: dict[str, dict[Any, Any]]) -> list[Any]:
    """Give what was made of each row that a root field names; null for what was not found."""
    return [None if pair is None else made[pair[0]].get(pair[1]) for pair in pairs]


KNOWN = {
    "Raw": msgspec.Raw,
    "rfc3339": rfc3339,
    "certain": certain,
    "too_wide": too_wide,
    "looked_up": looked_up,
    "Fact": Fact,
}
"""What all code may use."""


class Builder:
    """Writes the functions of one step, and finds out what the step reads and what hangs from it.

    Parts are written as expressions over a row's columns, `c1`, `c2` and so on;
    `b0`, `b1` and so on are what the steps below made, `g0` and so on what arguments give.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._names: dict[str, Any] = dict(KNOWN)
        self._places: dict[Wanted, int] = {}
        self._when: list[int] = []
        self._there: list[int] = []
        self._told: list[str] = []

    def finish(self) -> None:
        """Give the step its functions, its columns and the steps below it."""
        step = self._step
        part = "" if step.part is None else self.write(step.part)
        width = len(step.columns) + 1
        row = "".join(f"c{i}, " for i in range(width))
        body = BODIES[step.kind].format(part=part, width=width, row=f"({row})")
        body = body.replace(ROW, row).replace(WIDTH, str(width))
        below = "".join(f", b{i}" for i in range(len(step.below)))
        told = "".join(f"g{i} = {each}(variables)\n    " for i, each in enumerate(self._told))
        head = f"def build(rows, keys, context, named, variables{below}):"
        sources = [f"{head}\n    {told}{body}\n"]
        sources += [self._keys(i, each) for i, each in enumerate(step.below)]
        step.source = "\n".join(sources)
        try:
            exec(compile(step.source, "<plan>", "exec"), self._names)  # noqa: S102 - it is ours
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise NotPlannedError(f"nested too deeply: {error}") from None
        step.build = self._names["build"]
        for i, each in enumerate(step.below):
            each.above, each.keys = step, self._names[f"keys{i}"]

    def _keys(self, number: int, below: Step) -> str:
        """Write the function that gives the keys of a step below, out of rows."""
        sets = []
        for each in self._step.shown:
            if each.step is below and each.key:
                held = [f"row[{place}]" for place in each.when]
                held += [f"row[{place}] is not None" for place in each.there]
                when = " and ".join(held)
                sets.append(f"{{row[{each.key}] for row in rows if {when}}}")
        return f"def keys{number}(rows):\n    return {' | '.join(sets) or 'set()'}\n"

    @singledispatchmethod
    def write(self, part: Any) -> str:
        """Write a part."""
        raise NotPlannedError(f"a part that is {part}")

    @write.register
    def _(self, part: Constant) -> str:
        return repr(part.value)

    @write.register
    def _(self, part: OfPage) -> str:
        return OF_PAGE[part.name]

    @write.register
    def _(self, part: Leaf) -> str:
        value, type_ = self._value(part.at), get_named_type(part.type)
        code = inline(type_, part.at.column)
        if part.names is not None:
            written = f"{self._name('names', part.names)}.get({value})"
        elif code is None:
            return f"{self._name('write', writer(part.type))}({value})"
        else:
            written = code.replace("@", value)
            if written != value and not is_non_null_type(part.type):
                written = f"(None if {value} is None else {written})"
        return f"certain({written})" if part.checked else written

    @write.register
    def _(self, part: Call) -> str:
        given = ", ".join([self._input(each) for each in part.inputs])
        word = getattr(part.function, "__name__", "function")
        called = f"{self._name(word, part.function)}({given})"
        made = None if part.parts is None else values(part.parts)
        return f"{self._name('write', writer(part.type, made))}({called})"

    def _input(self, given: Wanted | Given | Fact | Told) -> str:
        if isinstance(given, Fact):
            return f"context.facts[Fact.{given.name}]"
        if isinstance(given, Told):
            self._told.append(self._name("told", given.value))
            return f"g{len(self._told) - 1}"
        if not isinstance(given, Given):
            return self._value(given)
        place = self._position(given.at)
        below = self._hang(given.step, place)
        missing = self._name("missing", given.missing)
        return f"{below}[{given.place}].get(c{place}, {missing})"

    @write.register
    def _(self, part: Object) -> str:
        made = self._name("made", struct(tuple(part.parts)))
        place = 0 if part.there is None else self._position(part.there)
        with self._holding(self._there, place):
            if part.row:
                self._step.shown.append(self._shown())
            written = f"{made}({', '.join([self.write(each) for each in part.parts.values()])})"
        missing = "certain(None)" if part.promised else "None"
        return f"({missing} if c{place} is None else {written})" if place else written

    @write.register
    def _(self, part: Hidden) -> str:
        place = self._position(part.seen)
        with self._holding(self._when, place):
            written = self.write(part.part)
        return f"({written} if c{place} else None)"

    @write.register
    def _(self, part: Known) -> str:
        return f"(None if context.viewer.user_id is None else {self.write(part.part)})"

    @write.register
    def _(self, part: Each) -> str:
        return f"[{self.write(part.part)} for row in page.rows for {ROW} in (row[:{WIDTH}],)]"

    @write.register
    def _(self, part: Below) -> str:
        place = self._position(part.at)
        below = self._hang(part.step, place)
        if part.step.kind is not Kind.ONE:
            return f"{below}[c{place}]"
        found = f"{below}.get(c{place})"
        return f"certain({found})" if part.promised else found

    @write.register
    def _(self, part: Beside) -> str:
        key = "key" if part.step.page is self._step else "None"
        return f"{self._hang(part.step, 0)}[{key}]"

    @write.register
    def _(self, part: Lookup) -> str:
        steps = [f"{name!r}: {self._hang(step, 0)}" for name, step in part.steps.items()]
        pairs = f"named[{self._name('field', part.named)}]"
        code = f"looked_up({pairs}, {{{', '.join(steps)}}})"
        return code if part.named.listed else f"{code}[0]"

    @contextmanager
    def _holding(self, held: list[int], place: int) -> Iterator[None]:
        """Have what is written meanwhile be shown only where the row holds something there."""
        before = len(held)
        held += [place] if place else []
        yield
        del held[before:]

    def _shown(self, **below: Any) -> Shown:
        """Say what is shown by what is written now."""
        return Shown(tuple(self._when), tuple(self._there), **below)

    def _hang(self, step: Step, place: int) -> str:
        """Hang a step from this one, by the key at `place`, and give its name in the code."""
        with self._holding(self._there, place):
            self._step.shown.append(self._shown(key=place, step=step))
        if step not in self._step.below:
            self._step.below.append(step)
        return f"b{self._step.below.index(step)}"

    def _value(self, wanted: Wanted) -> str:
        return f"c{self._position(wanted)}"

    def _position(self, wanted: Wanted) -> int:
        if wanted not in self._places:
            self._step.columns.append(wanted)
            self._places[wanted] = len(self._step.columns)
        return self._places[wanted]

    def _name(self, word: str, value: Any) -> str:
        """Give the code a name for a value: `word` and a number, as a word alone may be taken."""
        name = f"{word.strip('<>')}{len(self._names) - len(KNOWN)}"
        self._names[name] = value
        return name
