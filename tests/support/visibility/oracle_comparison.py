"""Comparisons of what somebody is shown with what they see by the oracle."""

from collections.abc import Iterable
from functools import cache
from uuid import uuid4

from tests.support.visibility.path_walk import Walk, guarded, identified_by, identity
from tests.support.visibility.schema_paths import (
    BY_UUID,
    GUARDED,
    NODES,
    Relation,
    Way,
    all_relations,
    relations,
)
from tests.support.visibility.viewer_scenes import MOST, Scene

SAMPLE = 25
"""So many rows of each type that are seen are looked up by uuid, and so many hidden ones."""
ROOTS = relations("Query")
LISTS = [each for each in ROOTS if each.way is not Way.REFERENCE]
REFERENCES = [each for each in all_relations(Way.REFERENCE) if each.target in GUARDED]
"""What may lead to a row that is hidden."""


async def root_lists(scene: Scene, names: Iterable[str] = NODES) -> None:
    """Compare the whole of each list of certain types that queries can start at."""
    for each in LISTS:
        if each.target in names and each.way is Way.PAGES:
            found = await scene.pages(each.field)
        elif each.target in names:
            rows = (await scene.data(f"{{ list: {each.field} {{ uuid }} }}"))["list"]
            found = [row["uuid"] for row in rows]
        else:
            continue
        assert set(found) == scene.seen.of(each.target), each
        assert len(set(found)) == len(found), each


async def sides(scene: Scene) -> None:
    """Compare what is seen of the resources from each side."""
    for side in ("consumer", "provider"):
        found = await scene.pages("resources", f", visibleAs: {side.upper()}")
        assert set(found) == scene.seen.of(f"resource_as_{side}"), side
        assert len(set(found)) == len(found), side


async def global_ids(scene: Scene, names: Iterable[str] = NODES) -> None:
    """Compare what the global ids of all rows of certain types lead to."""
    for name in names:
        everything = scene.seen.truth.rows(name)
        found = await scene.nodes(name, everything, "uuid")
        expected = [{"uuid": each} if each in scene.seen.of(name) else None for each in everything]
        assert found == expected, name


async def pages_below(scene: Scene, lists: Iterable[Relation]) -> None:
    """Compare the lists below all rows that are seen with the rows that refer to these."""
    for each in lists:
        owners = sorted(scene.seen.of(each.owner))
        shown = f"totalCount nodes {{ {identified_by(each.target)} }}"
        selection = f"uuid list: {each.field}(first: {MOST}) {{ {shown} }}"
        for row in await scene.nodes(each.owner, owners, selection):
            expected = scene.seen.listed(str(each), each.target, row["uuid"])
            found = map(identity, row["list"]["nodes"])
            assert sorted(found, key=str) == sorted(expected, key=str), each
            assert row["list"]["totalCount"] == len(expected), each


async def uuids(scene: Scene) -> None:
    """Compare what some uuids lead to, of rows that are seen and of others, and one of no row."""
    for name, root in BY_UUID.items():
        visible, hidden = sorted(scene.seen.of(name)), scene.seen.hidden(name)
        asked = [uuid4().hex, *visible[:SAMPLE], *hidden[:SAMPLE]]
        asked += asked[:1] * (2 * SAMPLE + 1 - len(asked))
        given = {f"u{i}": each for i, each in enumerate(asked)}
        found = await scene.data(_by_uuid(root), **given)
        expected = [{"uuid": each} if each in scene.seen.of(name) else None for each in asked]
        assert list(found.values()) == expected, name


@cache
def _by_uuid(root: str) -> str:
    numbers = range(2 * SAMPLE + 1)
    variables = ", ".join(f"$u{i}: UUID!" for i in numbers)
    wanted = " ".join(f"r{i}: {root}(uuid: $u{i}) {{ uuid }}" for i in numbers)
    return f"query({variables}) {{ {wanted} }}"


async def parts(scene: Scene, lists: Iterable[Relation]) -> None:
    """Compare the parts of all rows that are seen; of plans and offerings those that are seen."""
    for each in lists:
        if each.owner not in NODES:  # no root leads to it: it is met on walks
            continue
        owners = sorted(scene.seen.of(each.owner))
        below = scene.seen.truth.below(str(each))
        selection = f"uuid parts: {each.field} {{ {identified_by(each.target)} }}"
        for row in await scene.nodes(each.owner, owners, selection):
            expected = [part for part in below.get(row["uuid"], []) if _is_shown(scene, each, part)]
            found = sorted(map(identity, row["parts"]), key=str)
            assert found == sorted(expected, key=str), each


def _is_shown(scene: Scene, each: Relation, part: str | None) -> bool:
    """Say whether a part is shown where the viewer sees the row that it belongs to."""
    if each.target not in ("Offering", "Plan"):
        return True
    shown = scene.seen.of(each.target)
    if shown and each.field == "effectivePlans":  # a parent's, which may be hidden
        shown = scene.seen.open_plans
    return part in shown


async def references(scene: Scene) -> Walk:
    """Compare what all rows that are seen tell of those they refer to; give what was met."""
    walk = Walk(scene.seen)
    for name in sorted({each.owner for each in REFERENCES} & {*NODES}):
        for row in await scene.nodes(name, sorted(scene.seen.of(name)), guarded(name)):
            for each in relations(name):
                walk.along(each, row)
    return walk
