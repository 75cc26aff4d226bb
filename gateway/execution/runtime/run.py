"""Running a plan: down level by level to read, and up again to make the answer."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from graphql.execution.values import VariableValues

from gateway.db.driver.database import Ask, Coming, Result, Rows
from gateway.db.driver.encoding import array, text
from gateway.execution.plan.nodes import Kind, Named, Pairs, Step
from gateway.execution.plan.plan import Plan
from gateway.execution.runtime.answer_size import bound, count
from gateway.execution.runtime.level_loader import Asks
from gateway.schema.framework.context import Budget, Context, TooMuchError
from gateway.schema.framework.page_request import Asked, Stretched

unpack = msgspec.json.Decoder(list[tuple[Any, ...]]).decode
ALL = (None,)
"""The keys of a step that reads by none."""


async def run(plan: Plan, variables: VariableValues, context: Context) -> Any:
    """Give the data of the answer.

    TooMuchError if it is more than the context's budget allows. Whatever else
    is raised is for the reference to tell.
    """
    if plan.single is not None and plan.most <= context.budget.most:
        return await run_single(plan, plan.single, variables, context)
    running = Run(plan, variables, context)
    for level in plan.levels:
        await running.read(level)
    return running.answer()


class Run:
    """One run of a plan; what it holds of a step stands under the step's index."""

    def __init__(self, plan: Plan, variables: VariableValues, context: Context) -> None:
        self._plan, self._variables, self._context = plan, variables, context
        self._budget = Budget(context.budget.most)
        count = len(plan.steps)
        self._keys: list[Collection[Any]] = [()] * count
        self._rows: list[Rows | Result] = [[]] * count
        self._pages: list[Any] = [None] * count
        self._asked: list[Any] = [None] * count
        self._named: dict[Named, Pairs] = {
            each: each.pairs(variables, context) for each in plan.named
        }

    async def read(self, level: list[Step]) -> None:
        """Read the rows of the steps of a level, in one batch."""
        asks = [self._ask(step) for step in level]
        waiting = self._loaded(asks)
        try:
            for step, coming in zip(level, waiting, strict=True):
                self._receive(step, [] if coming is None else await coming)
        except BaseException:
            _forget(waiting)
            raise

    def _loaded(self, asks: list[Ask | None]) -> list[Coming | None]:
        """Load what a level asks for; what is alone is asked for once, and needs no loader."""
        database = self._context.database
        real = [each for each in asks if each is not None]
        if len(real) == 1:
            coming = database.loop.create_future()
            database.send([(real[0], coming)])
            return [None if each is None else coming for each in asks]
        loader = Asks(database)
        waiting = [None if each is None else loader.load(each) for each in asks]
        loader.send()
        return waiting

    def answer(self) -> Any:
        """Make the answer of what was read; TooMuchError if it would be too large."""
        built: list[Any] = [None] * len(self._plan.steps)
        for step in reversed(self._plan.steps):
            below = [built[each.index] for each in step.below]
            i, paged = step.index, step.kind is Kind.PAGE
            rows = self._pages[i] if paged else _made(self._rows[i])
            asked = self._context, self._named, self._variables
            built[i] = step.build(rows, self._keys[i], *asked, *below)
        self._weigh(built)
        return built[0]

    def _weigh(self, built: list[Any]) -> None:
        """Raise TooMuchError if the answer shows too much."""
        steps, most = self._plan.steps, self._context.budget.most
        if self._plan.most <= most:
            return
        longest = [1] * len(steps)
        for step in steps:
            if step.kind is Kind.MANY:
                longest[step.index] = max(map(len, built[step.index].values()), default=0)
            elif step.kind is Kind.PAGE and self._asked[step.index]:
                longest[step.index] = self._asked[step.index].size
        likely = bound(steps, longest, self._named) > most
        if likely and count(steps, list(map(_made, self._rows)), self._named) > most:
            raise TooMuchError

    def _ask(self, step: Step) -> Ask | None:
        """Give the statement for the rows of a step; None if there is none."""
        if step.within:
            return None
        if step.through is None:
            keys = self._keys[step.index] = self._found(step)
        else:
            keys = self._keys[_above(step).index]
        if not keys:
            return None
        form, parameters = self._form(step)
        if step.read is None:
            return None
        if keys is not ALL:
            single = step.single or step.through is not None
            parameters["keys"] = text(next(iter(keys))) if single else array(keys)
        return step.ask(form, parameters, self._context)

    def _found(self, step: Step) -> Collection[Any]:
        """Give the keys that a step's rows are found by."""
        if step.page is not None:
            return self._keys[step.page.index]
        if step.named is not None:
            field, name = step.named
            pairs = [each for each in self._named[field] if each is not None]
            return {key for type_, key in pairs if type_ == name and key is not None}
        assert step.above is not None
        if step.above.kind is Kind.ANSWER:
            return ALL
        return step.keys(_made(self._rows[step.above.index])) - {None}

    def _form(self, step: Step) -> tuple[Any, dict[str, str | None]]:
        """Give the form of what is asked of a list, and its parameters."""
        if step.page is not None:
            whole: Asked = self._asked[step.page.index]
            return whole.whole, whole.conditions()
        if step.asked is None:
            return None, {}
        asked = self._asked[step.index] = step.asked(self._variables)
        return asked.form, asked.parameters()

    def _receive(self, step: Step, found: Rows | Result) -> None:
        """Take the rows of a step; TooMuchError if too many have come by now to be shown.

        They are made now only if what comes next needs them.
        """
        if step.through is not None:  # the rows above came in the same batch, and were taken first
            self._keys[step.index] = self._found(step)
        if step.within:
            found = self._rows[step.index]
        elif step.nested:
            found = self._unpacked(step, _made(found))
        if step.kind is Kind.PAGE:
            pages = self._pages[step.index] = self._stretched(step, _made(found))
            found = [row for page in pages.values() for row in page.rows]
        self._rows[step.index] = _made(found) if step.below else found
        if step.shown:
            self._budget.spend(len(found))

    def _unpacked(self, step: Step, rows: Rows) -> Rows:
        """Take out of the only row, if there is one, what came within it."""
        own = len(step.columns) + 1
        for row in rows:
            for (below, _), listed in zip(step.nested, row[own:], strict=True):
                self._rows[below.index] = [] if listed is None else unpack(listed)
        return [row[:own] for row in rows]

    def _stretched(self, step: Step, rows: Rows) -> dict[Any, Stretched]:
        """Give the page of each key."""
        asked: Asked = self._asked[step.index]
        found: dict[Any, Rows] = {key: [] for key in self._keys[step.index]}
        for row in rows:
            found[row[0]].append(row)
        return {key: asked.stretched(each) for key, each in found.items()}


def _above(step: Step) -> Step:
    """Give the step that the rows of a step, or of its page, hang from."""
    above = (step.page or step).above
    assert above is not None
    return above


def _made(found: Rows | Result) -> Rows:
    """Give the rows of what was found."""
    return found.rows() if isinstance(found, Result) else found


def _forget(waiting: Iterable[Coming | None]) -> None:
    """Wait for nothing any more, and take note of what failed."""
    for each in waiting:
        if each is not None and not each.cancel() and not each.cancelled():
            each.exception()


def only(steps: list[Step]) -> Step | None:
    """Give the step of a plan that has but one, for one row that a root field names."""
    if len(steps) != 2:  # noqa: PLR2004 - the first makes the answer
        return None
    step = steps[1]
    plain = step.kind is Kind.ONE and step.single and not (step.nested or step.asked)
    return step if plain else None


async def run_single(plan: Plan, step: Step, variables: VariableValues, context: Context) -> Any:
    """Give the data of the answer; whatever is raised is for the reference to tell."""
    assert step.named is not None
    field, name = step.named
    named = {field: field.pairs(variables, context)}
    (pair,) = named[field]
    key = pair[1] if pair is not None and pair[0] == name else None
    rows = [] if key is None else await _found(step, key, context)
    built = step.build(rows, (key,), context, named, variables)
    return plan.steps[0].build([], (), context, named, variables, built)


async def _found(step: Step, key: Any, context: Context) -> Rows:
    ask = step.ask(None, {"keys": text(key)}, context)
    if ask is None:
        return []
    database = context.database
    coming: Coming = database.loop.create_future()
    database.send([(ask, coming)])
    return (await coming).rows()
