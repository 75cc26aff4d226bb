"""Lowering what is found by what a root field's arguments name, or by who asks."""

from collections.abc import Mapping

from gateway.db.read import Read
from gateway.execution.arguments import arguments
from gateway.execution.parts import Known, Lookup, Part
from gateway.execution.plan import Kind, Step, Wanted
from gateway.execution.rows import reading
from gateway.execution.selections import Place, Selected
from gateway.schema.found import Found
from gateway.schema.viewer import Asking, Own


def found(relation: Found, selected: Selected) -> Part:
    """Lower rows that arguments name: a step for each type that they may be of."""
    given = arguments(selected.field, selected.details[0].node)
    wanted = Wanted(lambda variables, _: relation.wanted(given(variables)), relation.listed)
    return _lookup(wanted, relation.reads, selected)


def own(relation: Own, selected: Selected) -> Part:
    """Lower the viewer's account."""
    name = selected.type.name
    wanted = Wanted(lambda _, context: [(name, context.viewer.user_id)])
    return _lookup(wanted, {name: relation.read}, selected)


def asking(_relation: Asking, selected: Selected) -> Part:
    """Lower who asks."""
    return Known(selected.object(selected.place, row=False))


def _lookup(wanted: Wanted, reads: Mapping[str, Read], selected: Selected) -> Lookup:
    single, steps = not wanted.listed, {}
    for name, read in reads.items():
        part = selected.object(Place(read.table), selected.selections.types[name])
        one = reading(read, single=single)
        steps[name] = Step(Kind.ONE, part, one, wanted=(wanted, name), single=single)
    return Lookup(wanted, steps)
