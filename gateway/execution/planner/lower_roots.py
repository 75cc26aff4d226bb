"""Lowering what is found, or derived, by what a root field's arguments name, or by who asks."""

from collections.abc import Mapping

from gateway.db.query_spec import Read
from gateway.execution.plan.nodes import Kind, Known, Lookup, Named, Part, Step
from gateway.execution.planner.arguments import arguments, once
from gateway.execution.planner.lower_fields import call, reading
from gateway.execution.planner.selections import Place, Selected
from gateway.schema.framework.lookups import Found
from gateway.schema.framework.root_computed import Derived
from gateway.schema.types.viewer import Asking, Own


def found(relation: Found, selected: Selected) -> Part:
    """Lower rows that arguments name: a step for each type that they may be of."""
    given = arguments(selected.field, selected.details[0].node)
    named = Named(lambda variables, _: relation.wanted(given(variables)), relation.listed)
    return _lookup(named, relation.reads, selected)


def derived(relation: Derived, selected: Selected) -> Part:
    """Lower what is worked out of a row that an argument names: a step that calls a function."""
    node, name = selected.details[0].node, relation.table.name
    given = arguments(selected.field, node)
    named = Named(lambda variables, _: [(name, relation.uuid(given(variables)))])
    part = call(relation.function, relation.inputs, selected, Place(relation.table))
    asked = once(node, lambda variables: relation.asked(given(variables)))
    read = reading(relation.read, single=True)
    return Lookup(named, {name: Step(Kind.ONE, part, read, named=(named, name), asked=asked)})


def own(relation: Own, selected: Selected) -> Part:
    """Lower the viewer's account."""
    name = selected.type.name
    named = Named(lambda _, context: [(name, context.viewer.user_id)])
    return _lookup(named, {name: relation.read}, selected)


def asking(_relation: Asking, selected: Selected) -> Part:
    """Lower who asks."""
    return Known(selected.object(selected.place, row=False))


def _lookup(named: Named, reads: Mapping[str, Read], selected: Selected) -> Lookup:
    single, steps = not named.listed, {}
    for name, read in reads.items():
        part = selected.object(Place(read.table), selected.selections.types[name])
        one = reading(read, single=single)
        steps[name] = Step(Kind.ONE, part, one, named=(named, name))
    return Lookup(named, steps)
