"""The code generator: from the nodes of a plan step to Python functions over rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatchmethod
from typing import Any

import msgspec
from graphql import get_named_type, is_non_null_type

from gateway.db.driver.date_spelling import clamp_date
from gateway.db.query_spec import SelectItem
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import (
    PAGE_META_CODE,
    AggregateRef,
    ArgumentValue,
    ChildRows,
    Column,
    Constant,
    FunctionCall,
    IfAuthenticated,
    IfVisible,
    LookupRows,
    PageMeta,
    PageRows,
    PlanStep,
    ResponseObject,
    RowOutput,
    SiblingResult,
    StepKind,
    TypedKeys,
)
from gateway.execution.plan.serializers import (
    find_inline_code,
    int_overflow,
    make_serializer,
    make_struct_class,
    make_value_serializer,
    non_null,
)
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.scalars import format_datetime

BUILD_BODIES = {
    StepKind.ONE: "return {{c0: {expression} for {row} in rows}}",
    StepKind.MANY: """\
rows_by_key = {{key: [] for key in keys}}
    for {row} in rows:
        rows_by_key[c0].append({expression})
    return rows_by_key""",
    StepKind.PAGE: "return {{key: {expression} for key, page in rows.items()}}",
    StepKind.COUNT: "return {{**dict.fromkeys(keys, 0), **{{row[0]: row[1] for row in rows}}}}",
    StepKind.AGGREGATE: """\
return [
        {{row[0]: row[position] for row in rows if row[position] is not None}}
        for position in range(1, {width})
    ]""",
    StepKind.RESULT: "return {expression}",
}
"""The body of `build_results` for each kind of step; rows begin with their key, `c0`."""

ROW_MARKER, WIDTH_MARKER = "$row", "$width"
"""Placeholders for the row's pattern and width, known only when all nodes are generated."""


def pick_lookup_results(
    typed_keys: TypedKeys, results_by_type: dict[str, dict[Any, Any]]
) -> list[Any]:
    """Return the result for each row that a root field names; None for rows that don't exist."""
    return [
        None if typed_key is None else results_by_type[typed_key[0]].get(typed_key[1])
        for typed_key in typed_keys
    ]


CODE_GLOBALS = {
    "Raw": msgspec.Raw,
    "clamp_date": clamp_date,
    "format_datetime": format_datetime,
    "non_null": non_null,
    "int_overflow": int_overflow,
    "pick_lookup_results": pick_lookup_results,
    "ContextFact": ContextFact,
}
"""The names that all generated code can use."""


class CodeGenerator:
    """Generator of the functions of one plan step.

    Each node becomes one Python expression, nested like the nodes, so that a row becomes
    its response object in one evaluation without a call for each field. For

        { name project { created } endpoints { url } }

    on a page of resources, the step's function is about:

        def build_results(rows, keys, context, lookup_values, variables, child0):
            return {key: [make_object0(
                    c1,
                    (None if c2 is None else make_object1(f"{c2[:10]}T…")),
                    child0[c3])
                for row in page.rows for c0, c1, c2, c3, in (row[:4],)]
                for key, page in rows.items()}

    The names in generated code:

        c0              the key that the row was read by
        c1, c2 …        the columns of the step, in the order of `PlanStep.columns`
        child0 …        the results of the child steps: dicts by key, lists of them for aggregates
        argument0 …     the values of a computed field's arguments, evaluated once per run
        serialize4 …    any object the code refers to (`_bind_name`): functions, enums, defaults

    Generating an expression has three side effects, and these complete the step. A node
    that needs a column appends it to `columns` (`_column_position`): that is how the
    statement comes to select just the columns that are used. A node whose value is in
    another step attaches that step as a child (`_attach_child`). And each object or child
    is recorded in `outputs`, with the columns that must be true or not null for a row to
    have it (`_guard_expression`); `collect_keys` and the row count are derived from these.

    The code is compiled once per plan. It contains no text of the client: response keys are
    arguments of msgspec structs, values are bound to names.
    """

    def __init__(self, step: PlanStep) -> None:
        self._step = step
        self._namespace: dict[str, Any] = dict(CODE_GLOBALS)
        self._positions: dict[SelectItem, int] = {}
        self._visible_positions: list[int] = []
        self._non_null_positions: list[int] = []
        self._argument_readers: list[str] = []

    def compile_step(self) -> None:
        """Set the functions, columns, outputs and child steps of the step.

        Raises NotPlannedError if the step has an unsupported node or is nested too deeply.
        """
        step = self._step
        expression = "" if step.node is None else self.generate_expression(step.node)
        width = len(step.columns) + 1
        row_pattern = "".join(f"c{i}, " for i in range(width))
        body = BUILD_BODIES[step.kind].format(
            expression=expression, width=width, row=f"({row_pattern})"
        )
        body = body.replace(ROW_MARKER, row_pattern).replace(WIDTH_MARKER, str(width))
        child_parameters = "".join(f", child{i}" for i in range(len(step.child_steps)))
        argument_lines = "".join(
            f"argument{i} = {item}(variables)\n    "
            for i, item in enumerate(self._argument_readers)
        )
        signature = (
            f"def build_results(rows, keys, context, lookup_values, variables{child_parameters}):"
        )
        sources = [f"{signature}\n    {argument_lines}{body}\n"]
        sources += [
            self._generate_key_collector(i, item) for i, item in enumerate(step.child_steps)
        ]
        step.source_code = "\n".join(sources)
        try:
            exec(compile(step.source_code, "<plan>", "exec"), self._namespace)  # noqa: S102 - generated here
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise NotPlannedError(f"nested too deeply: {error}") from None
        step.build_results = self._namespace["build_results"]
        for i, item in enumerate(step.child_steps):
            item.parent_step, item.collect_keys = step, self._namespace[f"collect_keys{i}"]

    def _generate_key_collector(self, number: int, child_step: PlanStep) -> str:
        """Return the source of the function that collects a child step's keys from rows."""
        key_sets = []
        for output in self._step.outputs:
            if output.child_step is child_step and output.key_position:
                conditions = [f"row[{position}]" for position in output.visible_positions]
                conditions += [
                    f"row[{position}] is not None" for position in output.non_null_positions
                ]
                condition = " and ".join(conditions)
                key_sets.append(f"{{row[{output.key_position}] for row in rows if {condition}}}")
        return f"def collect_keys{number}(rows):\n    return {' | '.join(key_sets) or 'set()'}\n"

    @singledispatchmethod
    def generate_expression(self, node: Any) -> str:
        """Return the source of a node's expression. Raises NotPlannedError for unknown nodes."""
        raise NotPlannedError(f"plan node {type(node).__name__}")

    @generate_expression.register
    def _generate_constant(self, node: Constant) -> str:
        return repr(node.value)

    @generate_expression.register
    def _generate_page_meta(self, node: PageMeta) -> str:
        return PAGE_META_CODE[node.name]

    @generate_expression.register
    def _generate_column(self, node: Column) -> str:
        value, type_ = self._column_variable(node.column_ref), get_named_type(node.type)
        code = find_inline_code(type_, node.column_ref.column)
        if node.enum_names is not None:
            expression = f"{self._bind_name('enum_names', node.enum_names)}.get({value})"
        elif code is None:
            return f"{self._bind_name('serialize', make_serializer(node.type))}({value})"
        else:
            expression = code.replace("@", value)
            if expression != value and not is_non_null_type(node.type):
                expression = f"(None if {value} is None else {expression})"
        return f"non_null({expression})" if node.is_checked else expression

    @generate_expression.register
    def _generate_function_call(self, node: FunctionCall) -> str:
        arguments = ", ".join([self._generate_input(item) for item in node.inputs])
        function_name = getattr(node.function, "__name__", "function")
        call_code = f"{self._bind_name(function_name, node.function)}({arguments})"
        constructor = None if node.fields is None else make_value_serializer(node.fields)
        return (
            f"{self._bind_name('serialize', make_serializer(node.type, constructor))}({call_code})"
        )

    def _generate_input(
        self, input_: SelectItem | AggregateRef | ContextFact | ArgumentValue
    ) -> str:
        if isinstance(input_, ContextFact):
            return f"context.facts[ContextFact.{input_.name}]"
        if isinstance(input_, ArgumentValue):
            self._argument_readers.append(self._bind_name("read_argument", input_.evaluate))
            return f"argument{len(self._argument_readers) - 1}"
        if not isinstance(input_, AggregateRef):
            return self._column_variable(input_)
        position = self._column_position(input_.key_column)
        child_name = self._attach_child(input_.step, position)
        default_name = self._bind_name("default", input_.default)
        return f"{child_name}[{input_.value_index}].get(c{position}, {default_name})"

    @generate_expression.register
    def _generate_object(self, node: ResponseObject) -> str:
        constructor = self._bind_name("make_object", make_struct_class(tuple(node.fields)))
        position = (
            0 if node.presence_column is None else self._column_position(node.presence_column)
        )
        with self._guard_expression(self._non_null_positions, position):
            if node.is_row:
                self._step.outputs.append(self._make_output())
            values = [self.generate_expression(item) for item in node.fields.values()]
            expression = f"{constructor}({', '.join(values)})"
        missing = "non_null(None)" if node.is_non_null else "None"
        return f"({missing} if c{position} is None else {expression})" if position else expression

    @generate_expression.register
    def _generate_if_visible(self, node: IfVisible) -> str:
        position = self._column_position(node.visibility)
        with self._guard_expression(self._visible_positions, position):
            expression = self.generate_expression(node.node)
        return f"({expression} if c{position} else None)"

    @generate_expression.register
    def _generate_if_authenticated(self, node: IfAuthenticated) -> str:
        return (
            f"(None if context.viewer.user_id is None else {self.generate_expression(node.node)})"
        )

    @generate_expression.register
    def _generate_page_rows(self, node: PageRows) -> str:
        expression = self.generate_expression(node.node)
        row_slice = f"(row[:{WIDTH_MARKER}],)"
        return f"[{expression} for row in page.rows for {ROW_MARKER} in {row_slice}]"

    @generate_expression.register
    def _generate_child_rows(self, node: ChildRows) -> str:
        position = self._column_position(node.key_column)
        child_name = self._attach_child(node.child_step, position)
        if node.child_step.kind is not StepKind.ONE:
            return f"{child_name}[c{position}]"
        child_result = f"{child_name}.get(c{position})"
        return f"non_null({child_result})" if node.is_non_null else child_result

    @generate_expression.register
    def _generate_sibling_result(self, node: SiblingResult) -> str:
        key = "key" if node.sibling_step.page_of is self._step else "None"
        return f"{self._attach_child(node.sibling_step, 0)}[{key}]"

    @generate_expression.register
    def _generate_lookup(self, node: LookupRows) -> str:
        steps = [
            f"{name!r}: {self._attach_child(step, 0)}" for name, step in node.steps_by_type.items()
        ]
        pairs = f"lookup_values[{self._bind_name('lookup_keys', node.lookup_keys)}]"
        code = f"pick_lookup_results({pairs}, {{{', '.join(steps)}}})"
        return code if node.lookup_keys.is_list else f"{code}[0]"

    @contextmanager
    def _guard_expression(self, positions: list[int], position: int) -> Iterator[None]:
        """Guard the code generated in the body by a check of a column; 0, the key, needs none."""
        previous_count = len(positions)
        positions += [position] if position else []
        yield
        del positions[previous_count:]

    def _make_output(self, **child_options: Any) -> RowOutput:
        """Return the output of the code that is being generated, with its current guards."""
        return RowOutput(
            tuple(self._visible_positions), tuple(self._non_null_positions), **child_options
        )

    def _attach_child(self, step: PlanStep, position: int) -> str:
        """Attach a child step by the key at `position`; return its name in the code."""
        with self._guard_expression(self._non_null_positions, position):
            self._step.outputs.append(self._make_output(key_position=position, child_step=step))
        if step not in self._step.child_steps:
            self._step.child_steps.append(step)
        return f"child{self._step.child_steps.index(step)}"

    def _column_variable(self, select_item: SelectItem) -> str:
        return f"c{self._column_position(select_item)}"

    def _column_position(self, select_item: SelectItem) -> int:
        if select_item not in self._positions:
            self._step.columns.append(select_item)
            self._positions[select_item] = len(self._step.columns)
        return self._positions[select_item]

    def _bind_name(self, stem: str, value: Any) -> str:
        """Bind a value to a new name in the code: `stem` and a unique number."""
        name = f"{stem.strip('<>')}{len(self._namespace) - len(CODE_GLOBALS)}"
        self._namespace[name] = value
        return name
