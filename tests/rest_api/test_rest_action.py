"""The collection of a request: the consumer's if it has the action and the viewer sees it there."""

from dataclasses import fields
from typing import Any

import pytest

from gateway.db.access.viewer import Viewer
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.rest_api.rest_action import (
    CONSUMER_ONLY,
    PROVIDER_ONLY,
    Collection,
    RestAction,
)

PERMISSION = "RESOURCE.SET_END_DATE"
BOTH = RestAction(name="act")
WITH_PERMISSION = RestAction(name="act", consumer_permission=PERMISSION)
CONSUMER, PROVIDER = Collection.CONSUMER, Collection.PROVIDER
STAFF, SUPPORT = Viewer(is_staff=True), Viewer(is_support=True)
MEMBER = Viewer(consumer_projects=frozenset({2}))
RESOURCE_MEMBER = Viewer(resources=frozenset({1}))
OFFERING_MANAGER = Viewer(provided_offerings=frozenset({4}))
BOTH_SIDES = Viewer(
    consumer_projects=frozenset({2}),
    provided_offerings=frozenset({4}),
    permissions=frozenset({f"{PERMISSION} customer 5"}),
)
OWNER = Viewer(
    consumer_projects=frozenset({2}), permissions=frozenset({f"{PERMISSION} customer 3"})
)
SUPPORTING_PROVIDER = Viewer(is_support=True, permissions=frozenset({f"{PERMISSION} customer 5"}))
KNOWN_FACTS = {"id": 1, "project_id": 2, "customer_id": 3, "offering_id": 4, "provider_id": 5}


@pytest.fixture
def facts() -> ResourceFacts:
    """Return the facts of a resource as far as they matter."""
    values: dict[str, Any] = dict.fromkeys(each.name for each in fields(ResourceFacts))
    return ResourceFacts(**{**values, **KNOWN_FACTS})


@pytest.mark.parametrize(
    ("viewer", "collection"),
    [
        (STAFF, CONSUMER),
        (SUPPORT, CONSUMER),
        (MEMBER, CONSUMER),
        (RESOURCE_MEMBER, CONSUMER),
        (BOTH_SIDES, CONSUMER),
        (OFFERING_MANAGER, PROVIDER),
    ],
)
def test_consumers_collection_is_preferred(
    facts: ResourceFacts, viewer: Viewer, collection: Collection
) -> None:
    assert BOTH.choose_collection(viewer, facts) is collection


@pytest.mark.parametrize(
    ("viewer", "collection"),
    [
        (STAFF, CONSUMER),
        (OWNER, CONSUMER),
        (BOTH_SIDES, PROVIDER),
        (SUPPORTING_PROVIDER, PROVIDER),
        (OFFERING_MANAGER, PROVIDER),
    ],
)
def test_collection_requires_its_own_permission(
    facts: ResourceFacts, viewer: Viewer, collection: Collection
) -> None:
    """Waldur's set_end_date accepts roles of its own side only."""
    assert WITH_PERMISSION.choose_collection(viewer, facts) is collection


@pytest.mark.parametrize("viewer", [STAFF, MEMBER, OFFERING_MANAGER])
def test_actions_of_one_collection(facts: ResourceFacts, viewer: Viewer) -> None:
    for collections in (CONSUMER_ONLY, PROVIDER_ONLY):
        action = RestAction(name="act", collections=collections)
        assert action.choose_collection(viewer, facts) is collections[0]
