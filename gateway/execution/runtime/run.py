"""Running a plan: down level by level to read, and up again to make the answer."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from graphql.execution.values import VariableValues

from gateway.db.driver.database import PendingResult, Rows, StatementRequest, StatementResult
from gateway.db.driver.encoding import encode_key_array, encode_text
from gateway.execution.plan.nodes import LookupKeys, PlanStep, StepKind, TypedKeys
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.runtime.answer_size import count_shown_rows, estimate_max_rows
from gateway.execution.runtime.level_loader import LevelLoader
from gateway.schema.framework.context import AnswerTooLargeError, RequestContext, RowBudget
from gateway.schema.framework.page_request import PageRequest, PageResult

decode_rows = msgspec.json.Decoder(list[tuple[Any, ...]]).decode
NO_KEY_COLUMN = (None,)
"""The keys of a step that reads by none."""


async def run_plan(plan: ExecutionPlan, variables: VariableValues, context: RequestContext) -> Any:
    """Give the data of the answer.

    TooMuchError if it is more than the context's budget allows. Whatever else
    is raised is for the reference to tell.
    """
    if plan.single_step is not None and plan.max_rows <= context.row_budget.max_rows:
        return await run_single_row_plan(plan, plan.single_step, variables, context)
    plan_run = PlanRun(plan, variables, context)
    for level in plan.levels:
        await plan_run.read_level(level)
    return plan_run.build_result()


class PlanRun:
    """One run of a plan; what it holds of a step stands under the step's index."""

    def __init__(
        self, plan: ExecutionPlan, variables: VariableValues, context: RequestContext
    ) -> None:
        self._plan, self._variables, self._context = plan, variables, context
        self._budget = RowBudget(context.row_budget.max_rows)
        step_count = len(plan.steps)
        self._keys: list[Collection[Any]] = [()] * step_count
        self._rows: list[Rows | StatementResult] = [[]] * step_count
        self._pages: list[Any] = [None] * step_count
        self._page_requests: list[Any] = [None] * step_count
        self._lookup_values: dict[LookupKeys, TypedKeys] = {
            lookup_keys: lookup_keys.resolve_keys(variables, context)
            for lookup_keys in plan.lookups
        }

    async def read_level(self, level: list[PlanStep]) -> None:
        """Read the rows of the steps of a level, in one batch."""
        requests = [self._build_request(step) for step in level]
        pending_results = self._send_requests(requests)
        try:
            for step, pending_result in zip(level, pending_results, strict=True):
                self._receive_rows(step, [] if pending_result is None else await pending_result)
        except BaseException:
            _discard_pending_results(pending_results)
            raise

    def _send_requests(self, requests: list[StatementRequest | None]) -> list[PendingResult | None]:
        """Load what a level asks for; what is alone is asked for once, and needs no loader."""
        database = self._context.database
        present_requests = [request for request in requests if request is not None]
        if len(present_requests) == 1:
            pending_result = database.loop.create_future()
            database.send([(present_requests[0], pending_result)])
            return [None if request is None else pending_result for request in requests]
        loader = LevelLoader(database)
        pending_results = [
            None if request is None else loader.load(request) for request in requests
        ]
        loader.send()
        return pending_results

    def build_result(self) -> Any:
        """Make the answer of what was read; TooMuchError if it would be too large."""
        results: list[Any] = [None] * len(self._plan.steps)
        for step in reversed(self._plan.steps):
            child_results = [results[child_step.index] for child_step in step.child_steps]
            index, is_page = step.index, step.kind is StepKind.PAGE
            rows = self._pages[index] if is_page else _decode_result(self._rows[index])
            arguments = self._context, self._lookup_values, self._variables
            results[index] = step.build_results(rows, self._keys[index], *arguments, *child_results)
        self._check_answer_size(results)
        return results[0]

    def _check_answer_size(self, results: list[Any]) -> None:
        """Raise TooMuchError if the answer shows too much."""
        steps, max_rows = self._plan.steps, self._context.row_budget.max_rows
        if self._plan.max_rows <= max_rows:
            return
        max_list_lengths = [1] * len(steps)
        for step in steps:
            if step.kind is StepKind.MANY:
                max_list_lengths[step.index] = max(
                    map(len, results[step.index].values()), default=0
                )
            elif step.kind is StepKind.PAGE and self._page_requests[step.index]:
                max_list_lengths[step.index] = self._page_requests[step.index].page_size
        may_exceed = estimate_max_rows(steps, max_list_lengths, self._lookup_values) > max_rows
        if (
            may_exceed
            and count_shown_rows(steps, list(map(_decode_result, self._rows)), self._lookup_values)
            > max_rows
        ):
            raise AnswerTooLargeError

    def _build_request(self, step: PlanStep) -> StatementRequest | None:
        """Give the statement for the rows of a step; None if there is none."""
        if step.inlined:
            return None
        if step.key_source is None:
            keys = self._keys[step.index] = self._find_keys(step)
        else:
            keys = self._keys[_parent_of(step).index]
        if not keys:
            return None
        statement_shape, parameters = self._read_page_request(step)
        if step.query_spec_factory is None:
            return None
        if keys is not NO_KEY_COLUMN:
            is_single_key = step.has_single_key or step.key_source is not None
            parameters["keys"] = (
                encode_text(next(iter(keys))) if is_single_key else encode_key_array(keys)
            )
        return step.build_request(statement_shape, parameters, self._context)

    def _find_keys(self, step: PlanStep) -> Collection[Any]:
        """Give the keys that a step's rows are found by."""
        if step.page_of is not None:
            return self._keys[step.page_of.index]
        if step.lookup is not None:
            lookup_keys, type_name = step.lookup
            typed_keys = [
                typed_key for typed_key in self._lookup_values[lookup_keys] if typed_key is not None
            ]
            return {key for type_, key in typed_keys if type_ == type_name and key is not None}
        assert step.parent_step is not None
        if step.parent_step.kind is StepKind.RESULT:
            return NO_KEY_COLUMN
        return step.collect_keys(_decode_result(self._rows[step.parent_step.index])) - {None}

    def _read_page_request(self, step: PlanStep) -> tuple[Any, dict[str, str | None]]:
        """Give the form of what is asked of a list, and its parameters."""
        if step.page_of is not None:
            parent_page_request: PageRequest = self._page_requests[step.page_of.index]
            return parent_page_request.list_shape, parent_page_request.build_list_parameters()
        if step.parse_page_request is None:
            return None, {}
        page_request = self._page_requests[step.index] = step.parse_page_request(self._variables)
        return page_request.statement_shape, page_request.build_parameters()

    def _receive_rows(self, step: PlanStep, rows: Rows | StatementResult) -> None:
        """Take the rows of a step; TooMuchError if too many have come by now to be shown.

        They are made now only if what comes next needs them.
        """
        if (
            step.key_source is not None
        ):  # the rows above came in the same batch, and were taken first
            self._keys[step.index] = self._find_keys(step)
        if step.inlined:
            rows = self._rows[step.index]
        elif step.inlined_children:
            rows = self._unpack_inlined_rows(step, _decode_result(rows))
        if step.kind is StepKind.PAGE:
            pages = self._pages[step.index] = self._build_pages(step, _decode_result(rows))
            rows = [row for page in pages.values() for row in page.rows]
        self._rows[step.index] = _decode_result(rows) if step.child_steps else rows
        if step.outputs:
            self._budget.consume_rows(len(rows))

    def _unpack_inlined_rows(self, step: PlanStep, rows: Rows) -> Rows:
        """Take out of the only row, if there is one, what came within it."""
        own_width = len(step.columns) + 1
        for row in rows:
            for (child_step, _), child_rows in zip(
                step.inlined_children, row[own_width:], strict=True
            ):
                self._rows[child_step.index] = [] if child_rows is None else decode_rows(child_rows)
        return [row[:own_width] for row in rows]

    def _build_pages(self, step: PlanStep, rows: Rows) -> dict[Any, PageResult]:
        """Give the page of each key."""
        page_request: PageRequest = self._page_requests[step.index]
        rows_by_key: dict[Any, Rows] = {key: [] for key in self._keys[step.index]}
        for row in rows:
            rows_by_key[row[0]].append(row)
        return {
            key: page_request.build_page_result(page_rows) for key, page_rows in rows_by_key.items()
        }


def _parent_of(step: PlanStep) -> PlanStep:
    """Give the step that the rows of a step, or of its page, hang from."""
    parent_step = (step.page_of or step).parent_step
    assert parent_step is not None
    return parent_step


def _decode_result(rows: Rows | StatementResult) -> Rows:
    """Give the rows of what was found."""
    return rows.decode_rows() if isinstance(rows, StatementResult) else rows


def _discard_pending_results(pending_results: Iterable[PendingResult | None]) -> None:
    """Wait for nothing any more, and take note of what failed."""
    for pending_result in pending_results:
        if (
            pending_result is not None
            and not pending_result.cancel()
            and not pending_result.cancelled()
        ):
            pending_result.exception()


def find_single_row_step(steps: list[PlanStep]) -> PlanStep | None:
    """Give the step of a plan that has but one, for one row that a root field names."""
    if len(steps) != 2:  # noqa: PLR2004 - the first makes the answer
        return None
    step = steps[1]
    is_plain = (
        step.kind is StepKind.ONE
        and step.has_single_key
        and not (step.inlined_children or step.parse_page_request)
    )
    return step if is_plain else None


async def run_single_row_plan(
    plan: ExecutionPlan, step: PlanStep, variables: VariableValues, context: RequestContext
) -> Any:
    """Give the data of the answer; whatever is raised is for the reference to tell."""
    assert step.lookup is not None
    lookup_keys, type_name = step.lookup
    lookup_values = {lookup_keys: lookup_keys.resolve_keys(variables, context)}
    (typed_key,) = lookup_values[lookup_keys]
    key = typed_key[1] if typed_key is not None and typed_key[0] == type_name else None
    rows = [] if key is None else await _fetch_rows(step, key, context)
    results = step.build_results(rows, (key,), context, lookup_values, variables)
    return plan.steps[0].build_results([], (), context, lookup_values, variables, results)


async def _fetch_rows(step: PlanStep, key: Any, context: RequestContext) -> Rows:
    request = step.build_request(None, {"keys": encode_text(key)}, context)
    if request is None:
        return []
    database = context.database
    pending_result: PendingResult = database.loop.create_future()
    database.send([(request, pending_result)])
    return (await pending_result).decode_rows()
