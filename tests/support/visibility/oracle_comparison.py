"""Comparisons of the gateway's answers to a viewer with the oracle."""

from collections.abc import Iterable
from functools import cache
from uuid import uuid4

from tests.support.visibility.path_walk import (
    PathWalk,
    row_uuid,
    select_guarded_references,
    select_identity,
)
from tests.support.visibility.schema_paths import (
    GUARDED_TYPES,
    NODE_TYPES,
    ROOT_FIELDS_BY_TYPE,
    Relation,
    RelationKind,
    relations_of_kind,
    row_relations,
)
from tests.support.visibility.viewer_scenes import MAX_PAGE_SIZE, ViewerScene

SAMPLE_SIZE = 25
"""The number of visible rows of each type, and of hidden ones, that are looked up by uuid."""
ROOT_RELATIONS = row_relations("Query")
ROOT_LISTS = [each for each in ROOT_RELATIONS if each.kind is not RelationKind.REFERENCE]
REFERENCES = [
    each for each in relations_of_kind(RelationKind.REFERENCE) if each.target in GUARDED_TYPES
]
"""The references that can lead to a hidden row."""


async def compare_root_lists(scene: ViewerScene, types: Iterable[str] = NODE_TYPES) -> None:
    """Compare all rows of the root lists of some types."""
    for relation in ROOT_LISTS:
        if relation.target in types and relation.kind is RelationKind.PAGES:
            uuids = await scene.fetch_all_pages(relation.field)
        elif relation.target in types:
            rows = (await scene.fetch_data(f"{{ list: {relation.field} {{ uuid }} }}"))["list"]
            uuids = [row["uuid"] for row in rows]
        else:
            continue
        assert set(uuids) == scene.visible_rows.visible_uuids(relation.target), relation
        assert len(set(uuids)) == len(uuids), relation


async def compare_perspectives(scene: ViewerScene) -> None:
    """Compare the resources of each perspective."""
    for perspective in ("consumer", "provider"):
        uuids = await scene.fetch_all_pages("resources", f", visibleAs: {perspective.upper()}")
        assert set(uuids) == scene.visible_rows.visible_uuids(f"resource_as_{perspective}"), (
            perspective
        )
        assert len(set(uuids)) == len(uuids), perspective


async def compare_global_ids(scene: ViewerScene, types: Iterable[str] = NODE_TYPES) -> None:
    """Compare the results of `nodes` for the global ids of all rows of some types."""
    for type_name in types:
        all_uuids = scene.visible_rows.expectation.all_uuids(type_name)
        nodes = await scene.fetch_nodes(type_name, all_uuids, "uuid")
        expected = [
            {"uuid": each} if each in scene.visible_rows.visible_uuids(type_name) else None
            for each in all_uuids
        ]
        assert nodes == expected, type_name


async def compare_child_pages(scene: ViewerScene, lists: Iterable[Relation]) -> None:
    """Compare the child pages of all visible rows."""
    for relation in lists:
        owners = sorted(scene.visible_rows.visible_uuids(relation.owner))
        page_selection = f"totalCount nodes {{ {select_identity(relation.target)} }}"
        selection = f"uuid list: {relation.field}(first: {MAX_PAGE_SIZE}) {{ {page_selection} }}"
        for row in await scene.fetch_nodes(relation.owner, owners, selection):
            expected = scene.visible_rows.listed_uuids(str(relation), relation.target, row["uuid"])
            identities = map(row_uuid, row["list"]["nodes"])
            assert sorted(identities, key=str) == sorted(expected, key=str), relation
            assert row["list"]["totalCount"] == len(expected), relation


async def compare_uuid_lookups(scene: ViewerScene) -> None:
    """Compare lookups by uuid of some visible rows, some hidden ones, and an unknown one."""
    for type_name, root in ROOT_FIELDS_BY_TYPE.items():
        visible_uuids = sorted(scene.visible_rows.visible_uuids(type_name))
        hidden_uuids = scene.visible_rows.hidden_uuids(type_name)
        sample = [uuid4().hex, *visible_uuids[:SAMPLE_SIZE], *hidden_uuids[:SAMPLE_SIZE]]
        sample += sample[:1] * (2 * SAMPLE_SIZE + 1 - len(sample))
        variables = {f"u{i}": each for i, each in enumerate(sample)}
        data = await scene.fetch_data(_write_uuid_query(root), **variables)
        expected = [
            {"uuid": each} if each in scene.visible_rows.visible_uuids(type_name) else None
            for each in sample
        ]
        assert list(data.values()) == expected, type_name


@cache
def _write_uuid_query(root: str) -> str:
    numbers = range(2 * SAMPLE_SIZE + 1)
    variables = ", ".join(f"$u{i}: UUID!" for i in numbers)
    selections = " ".join(f"r{i}: {root}(uuid: $u{i}) {{ uuid }}" for i in numbers)
    return f"query({variables}) {{ {selections} }}"


async def compare_parts(scene: ViewerScene, lists: Iterable[Relation]) -> None:
    """Compare the part lists of all visible rows."""
    for relation in lists:
        if relation.owner not in NODE_TYPES:  # it has no root field: path walks check it
            continue
        owners = sorted(scene.visible_rows.visible_uuids(relation.owner))
        child_uuids = scene.visible_rows.expectation.child_uuids(str(relation))
        selection = f"uuid parts: {relation.field} {{ {select_identity(relation.target)} }}"
        for row in await scene.fetch_nodes(relation.owner, owners, selection):
            expected = [
                part
                for part in child_uuids.get(row["uuid"], [])
                if _is_part_visible(scene, relation, part)
            ]
            identities = sorted(map(row_uuid, row["parts"]), key=str)
            assert identities == sorted(expected, key=str), relation


def _is_part_visible(scene: ViewerScene, relation: Relation, part: str | None) -> bool:
    """Return whether a part of a visible row is listed: plans and offerings may be hidden."""
    if relation.target not in ("Offering", "Plan"):
        return True
    visible_uuids = scene.visible_rows.visible_uuids(relation.target)
    if visible_uuids and relation.field == "effectivePlans":  # a parent's, which may be hidden
        visible_uuids = scene.visible_rows.open_plans
    return part in visible_uuids


async def compare_references(scene: ViewerScene) -> PathWalk:
    """Check the references of all visible rows, and return the walk with its counts."""
    walk = PathWalk(scene.visible_rows)
    for type_name in sorted({relation.owner for relation in REFERENCES} & {*NODE_TYPES}):
        for row in await scene.fetch_nodes(
            type_name,
            sorted(scene.visible_rows.visible_uuids(type_name)),
            select_guarded_references(type_name),
        ):
            for relation in row_relations(type_name):
                walk.follow_relation(relation, row)
    return walk
