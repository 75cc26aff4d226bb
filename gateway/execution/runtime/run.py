"""The run of a plan: reads rows level by level, then builds the answer from the bottom up."""

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from gateway.db.driver.database import PendingResult, Rows, StatementRequest, StatementResult
from gateway.db.driver.encoding import encode_key_array, encode_text
from gateway.db.driver.statement import Statement
from gateway.db.sql.compiler import NOT_COMPILED
from gateway.execution.graphql_core_internals import VariableValues
from gateway.execution.plan.nodes import LookupKeys, PlanStep, StepKind, TypedKeys
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.runtime.level_loader import LevelLoader
from gateway.execution.runtime.plan_statements import bind_parameters, load_statement
from gateway.execution.runtime.response_size import count_shown_rows, estimate_max_rows
from gateway.schema.framework.context import RequestContext, ResponseTooLargeError, RowBudget
from gateway.schema.framework.page_request import PageRequest, PageResult

decode_rows = msgspec.json.Decoder(list[tuple[Any, ...]]).decode
ROWS_PER_TURN = 250
"""Rows that are decoded or built until other requests get a turn: 10 ms if they are wide."""
MAX_NARROW_ROWS, MAX_LOOP_WORK = 50, 1_000_000
"""Rows that are built at once in any case; and work that is not done in the event loop.

Work is rows times the characters of the code that builds them: with 1,000,000, 300 rows have 50
fields, which takes up to 50 ms.
"""
NO_KEY_COLUMN = (None,)
"""The keys of a step whose statement has no key column: a list at the root, under one null."""


async def run_plan(plan: ExecutionPlan, variables: VariableValues, context: RequestContext) -> Any:
    """Return the data of the response.

    Raises ResponseTooLargeError if it exceeds the context's row budget. After any other
    exception the caller falls back to the reference execution.
    """
    if plan.single_step is not None and plan.max_rows <= context.row_budget.max_rows:
        return await run_single_row_plan(plan, plan.single_step, variables, context)
    plan_run = PlanRun(plan, variables, context)
    for level in plan.levels:
        await plan_run.read_level(level)
    row_count = plan_run.count_rows()
    if row_count > MAX_NARROW_ROWS and plan_run.estimate_work() > MAX_LOOP_WORK:
        return await plan_run.build_in_thread()
    return await plan_run.build_in_turns() if row_count > ROWS_PER_TURN else plan_run.build_result()


class PlanRun:
    """One run of a plan.

    The state of a step (keys, rows, pages) is stored in lists under the step's index,
    since the steps themselves are shared by concurrent runs.

        for each level, top down          read_level
            build_request  each step        keys → statement and parameters
            send           all at once      one batch, one flush of a connection
            receive_rows   each step        rows → row budget, pages, inlined children
        for each step, bottom up          build_result
            step.build_results              rows and the children's results → results by key
        count the rows that are shown     _check_response_size

    The keys of a step are the values of its key column in the parent's rows, without
    those of hidden rows (`PlanStep.collect_keys`), so a level waits for the one above.
    Two kinds of steps don't wait:

    * with a `key_source`, the statement finds its key by a subquery, and runs in the same
      batch as the parent; the keys are known when the parent's rows have arrived.
    * `inlined`: no statement at all; the rows are a JSON value of the parent's only row
      (`_unpack_inlined_rows`).

    Rows stay encoded as the driver received them until a child step or the build needs
    them. The row budget is charged as rows arrive, to stop early; it counts each row
    once. What the answer shows can be more, and is counted at the end.
    """

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
        self._missing_statements: list[tuple[PlanStep, Any]] = []
        self._compiled_statements: dict[tuple[PlanStep, Any], Statement | None] = {}
        self._lookup_values: dict[LookupKeys, TypedKeys] = {
            lookup_keys: lookup_keys.resolve_keys(variables, context)
            for lookup_keys in plan.lookups
        }

    async def read_level(self, level: list[PlanStep]) -> None:
        """Read the rows of all steps of a level in one batch.

        While statements are compiled, the steps may forget those that were found before.
        """
        requests = [self._build_request(step) for step in level]
        if self._missing_statements:
            await self._compile_statements()
            requests = [
                self._build_request(step) if request is None else request
                for step, request in zip(level, requests, strict=True)
            ]
        pending_results, row_count = self._send_requests(requests), 0
        try:
            for step, pending_result in zip(level, pending_results, strict=True):
                rows: Rows | StatementResult = []
                if pending_result is not None:
                    rows = await pending_result
                row_count += len(rows)
                if row_count >= ROWS_PER_TURN:
                    row_count = 0
                    await asyncio.sleep(0)
                self._receive_rows(step, rows)
        except BaseException:
            _discard_pending_results(pending_results)
            raise

    async def _compile_statements(self) -> None:
        """Compile the statements that were missing, which takes milliseconds, in the thread."""
        missing, self._missing_statements = self._missing_statements, []
        statements = await asyncio.gather(
            *[load_statement(self._plan, *each, self._context) for each in missing]
        )
        self._compiled_statements.update(zip(missing, statements, strict=True))

    def _send_requests(self, requests: list[StatementRequest | None]) -> list[PendingResult | None]:
        """Send the statements of a level in one batch; a loader merges equal ones."""
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
        """Return the data, built of all rows. Raises ResponseTooLargeError if it is too large."""
        results: list[Any] = [None] * len(self._plan.steps)
        for step in reversed(self._plan.steps):
            self._build_step(step, results)
        self._check_response_size(results)
        return results[0]

    def count_rows(self) -> int:
        """Return the number of rows that were read."""
        return sum(map(len, self._rows))

    def estimate_work(self) -> int:
        """Return how much it takes to build the data: rows times the code that builds them."""
        steps = self._plan.steps
        return sum([len(self._rows[each.index]) * len(each.source_code) for each in steps])

    async def build_in_thread(self) -> Any:
        """Return the data like `build_result`, built in the build worker's thread.

        The rows are decoded here: the results of a connection share their decoder.
        """
        for index, rows in enumerate(self._rows):
            self._rows[index] = _decode_result(rows)
            await asyncio.sleep(0)
        build_worker = self._context.statement_compiler.build_worker
        return await build_worker.run_job(self._context.viewer.user_id, self, self.build_result)

    async def build_in_turns(self) -> Any:
        """Return the data like `build_result`, and let other requests run between the steps."""
        results: list[Any] = [None] * len(self._plan.steps)
        row_count = 0
        for step in reversed(self._plan.steps):
            self._build_step(step, results)
            row_count += len(self._rows[step.index])
            if row_count >= ROWS_PER_TURN:
                row_count = 0
                await asyncio.sleep(0)
        self._check_response_size(results)
        return results[0]

    def _build_step(self, step: PlanStep, results: list[Any]) -> None:
        """Add the results of a step to those of its child steps."""
        child_results = [results[child_step.index] for child_step in step.child_steps]
        index, is_page = step.index, step.kind is StepKind.PAGE
        rows = self._pages[index] if is_page else _decode_result(self._rows[index])
        arguments = self._context, self._lookup_values, self._variables
        results[index] = step.build_results(rows, self._keys[index], *arguments, *child_results)

    def _check_response_size(self, results: list[Any]) -> None:
        """Raise ResponseTooLargeError if the answer shows more rows than the context allows."""
        steps, max_rows = self._plan.steps, self._context.row_budget.max_rows
        if self._plan.max_rows <= max_rows:
            return
        max_list_lengths = [self._max_list_length(step, results[step.index]) for step in steps]
        if estimate_max_rows(steps, max_list_lengths, self._lookup_values) <= max_rows:
            return
        rows = [_decode_result(rows) for rows in self._rows]
        if count_shown_rows(steps, rows, self._lookup_values) > max_rows:
            raise ResponseTooLargeError(max_rows)

    def _max_list_length(self, step: PlanStep, results_by_key: Any) -> int:
        """Return the maximal number of rows that a step shows for one key."""
        if step.kind is StepKind.MANY:
            return max(map(len, results_by_key.values()), default=0)
        page_request = self._page_requests[step.index]
        if step.kind is StepKind.PAGE and page_request:
            return int(page_request.page_size)
        return 1

    def _build_request(self, step: PlanStep) -> StatementRequest | None:
        """Return the statement of a step with its parameters; None if it has nothing to read.

        None as well if the statement must be compiled first: see `_missing_statements`.
        """
        if step.inlined:
            return None
        if step.key_source is None:
            keys = self._keys[step.index] = self._find_keys(step)
        else:
            keys = self._keys[_parent_of(step).index]
        if not keys:
            return None
        statement_shape, parameters = self._read_page_request(step)
        if keys is not NO_KEY_COLUMN:
            parameters["keys"] = _encode_keys(step, keys)
        if step.query_spec_factory is None:
            return None
        return self._bind_statement(step, statement_shape, parameters)

    def _bind_statement(
        self, step: PlanStep, statement_shape: Any, parameters: dict[str, str | None]
    ) -> StatementRequest | None:
        """Return the statement with a shape and its parameters; None if it is not compiled yet."""
        access_shape = self._context.viewer.access_shape
        statement = step.statements.get((statement_shape, access_shape), NOT_COMPILED)
        if statement is NOT_COMPILED:
            statement = self._find_compiled(step, statement_shape)
        return None if statement is None else bind_parameters(statement, parameters, self._context)

    def _find_compiled(self, step: PlanStep, statement_shape: Any) -> Statement | None:
        """Return a statement that this run compiled; None if it is missing yet, which is noted.

        The step itself may have forgotten it meanwhile.
        """
        shape_key = step, statement_shape
        if shape_key not in self._compiled_statements:
            self._missing_statements.append(shape_key)
        return self._compiled_statements.get(shape_key)

    def _find_keys(self, step: PlanStep) -> Collection[Any]:
        """Return the values of the key column that a step's rows are read by."""
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
        """Return the shape of a list's statement and its parameters, from the field's arguments."""
        if step.page_of is not None:
            parent_page_request: PageRequest = self._page_requests[step.page_of.index]
            return parent_page_request.list_shape, parent_page_request.build_list_parameters()
        if step.parse_page_request is None:
            return None, {}
        page_request = self._page_requests[step.index] = step.parse_page_request(self._variables)
        return page_request.statement_shape, page_request.build_parameters()

    def _receive_rows(self, step: PlanStep, rows: Rows | StatementResult) -> None:
        """Store the rows of a step. Raises ResponseTooLargeError if the row budget is exceeded.

        Steps of a level arrive in order, so a parent in the same level comes first.
        """
        if step.key_source is not None:
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
        """Store the rows of inlined children; return the rows of the step without these values."""
        own_width = len(step.columns) + 1
        for row in rows:
            for (child_step, _), child_rows in zip(
                step.inlined_children, row[own_width:], strict=True
            ):
                self._rows[child_step.index] = [] if child_rows is None else decode_rows(child_rows)
        return [row[:own_width] for row in rows]

    def _build_pages(self, step: PlanStep, rows: Rows) -> dict[Any, PageResult]:
        """Return the page of each key."""
        page_request: PageRequest = self._page_requests[step.index]
        rows_by_key: dict[Any, Rows] = {key: [] for key in self._keys[step.index]}
        for row in rows:
            rows_by_key[row[0]].append(row)
        return {
            key: page_request.build_page_result(page_rows) for key, page_rows in rows_by_key.items()
        }


def _encode_keys(step: PlanStep, keys: Collection[Any]) -> str | None:
    """Return the parameter `keys` of a step's statement: a value, or an array."""
    is_single_key = step.has_single_key or step.key_source is not None
    return encode_text(next(iter(keys))) if is_single_key else encode_key_array(keys)


def _parent_of(step: PlanStep) -> PlanStep:
    """Return the parent of a step, or of its page for a count."""
    parent_step = (step.page_of or step).parent_step
    assert parent_step is not None
    return parent_step


def _decode_result(rows: Rows | StatementResult) -> Rows:
    """Return the rows, decoded if they are not yet."""
    return rows.decode_rows() if isinstance(rows, StatementResult) else rows


def _discard_pending_results(pending_results: Iterable[PendingResult | None]) -> None:
    """Cancel the results that are still pending; mark the exceptions of the others as retrieved."""
    for pending_result in pending_results:
        if (
            pending_result is not None
            and not pending_result.cancel()
            and not pending_result.cancelled()
        ):
            pending_result.exception()


def find_single_row_step(steps: list[PlanStep]) -> PlanStep | None:
    """Return the only reading step of a plan, if it reads one row by key; else None."""
    if len(steps) != 2:  # noqa: PLR2004 - the first builds the answer
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
    """Return the data of a plan that reads one row: `run_plan` without levels and batches."""
    assert step.lookup is not None
    lookup_keys, type_name = step.lookup
    lookup_values = {lookup_keys: lookup_keys.resolve_keys(variables, context)}
    (typed_key,) = lookup_values[lookup_keys]
    key = typed_key[1] if typed_key is not None and typed_key[0] == type_name else None
    rows = [] if key is None else await _fetch_rows(plan, step, key, context)
    results = step.build_results(rows, (key,), context, lookup_values, variables)
    return plan.steps[0].build_results([], (), context, lookup_values, variables, results)


async def _fetch_rows(
    plan: ExecutionPlan, step: PlanStep, key: Any, context: RequestContext
) -> Rows:
    statement = step.statements.get((None, context.viewer.access_shape), NOT_COMPILED)
    if statement is NOT_COMPILED:
        statement = await load_statement(plan, step, None, context)
    if statement is None:
        return []
    request = bind_parameters(statement, {"keys": encode_text(key)}, context)
    database = context.database
    pending_result: PendingResult = database.loop.create_future()
    database.send([(request, pending_result)])
    return (await pending_result).decode_rows()
