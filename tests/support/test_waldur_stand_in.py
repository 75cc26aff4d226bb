"""The stand-in for Waldur takes what Waldur takes, and notes what no client may send."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from gateway.demo.marketplace.fill import create_marketplace
from gateway.marketplace.operations.carry_out_order import ReportedOrderState
from tests.conftest import DatabaseFactory
from tests.support.waldur_stand_in.actions import ORDER_ACTIONS, RESOURCE_ACTIONS
from tests.support.waldur_stand_in.api_description import list_versions, load_api_description
from tests.support.waldur_stand_in.stand_in import WaldurStandIn, run_waldur_stand_in

READ_ACTIONS = {
    "details",
    "estimate_renewal",
    "glauth_users_config",
    "history",
    "history/at",
    "offering",
    "offering_for_subresources",
    "plan_periods",
    "suggest_name",
    "team",
}
RESOURCE_SQL = """
select r.uuid from marketplace_resource r join marketplace_offering o on o.id = r.offering_id
where r.state = 2 and {} order by r.id limit 1
"""


class Scene(NamedTuple):
    """A stand-in over a demo, and a client of it."""

    stand_in: WaldurStandIn
    connection: psycopg.Connection[Any]
    tokens: dict[str, str]
    http: httpx.Client

    def post(self, path: str, as_: str = "staff", **options: Any) -> httpx.Response:
        """Send a request of a user with the headers that each must have."""
        headers = {
            "Accept": "application/json",
            "Authorization": f"Token {self.tokens[as_]}",
            "X-Request-ID": "1",
        }
        return self.http.post(f"/api/{path}", headers=headers, **options)

    def find_resource(self, condition: str = "true") -> str:
        """Return the uuid of a resource that is OK."""
        ((uuid,),) = self.connection.execute(RESOURCE_SQL.format(condition).encode()).fetchall()
        return str(uuid.hex)


@pytest.fixture(scope="module")
def scene(new_database: DatabaseFactory) -> Iterator[Scene]:
    """Yield a stand-in over a small demo."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=60, seed=1)
        tokens: dict[str, str] = dict(
            connection.execute(
                "select u.username, t.key from authtoken_token t join core_user u on u.id = user_id"
            ).fetchall()
        )
        with run_waldur_stand_in(url) as stand_in, httpx.Client(base_url=stand_in.url) as http:
            yield Scene(stand_in, connection, tokens, http)


@pytest.fixture(autouse=True)
def _clear_violations(scene: Scene) -> None:
    scene.stand_in.violations.clear()


def test_each_described_action_is_carried_out() -> None:
    newest = load_api_description(list_versions()[-1])
    actions = {each.action for each in newest.routes if each.method in ("POST", "PATCH")}
    assert actions - READ_ACTIONS == {*RESOURCE_ACTIONS, *ORDER_ACTIONS}
    assert {state.value for state in ReportedOrderState} == {
        name.removeprefix("set_state_") for name in ORDER_ACTIONS if name.startswith("set_state_")
    }


@pytest.mark.parametrize(
    ("version", "action", "exists"),
    [
        ("T24", "pull", False),
        ("T24", "set_end_date", False),
        ("T24", "set_as_erred", True),
        ("8.0.5", "set_as_erred", False),
        ("8.0.5", "set_end_date", False),
        ("8.0.7", "set_end_date", True),
        ("8.0.8", "adjust_dates", False),
        ("8.1.3", "adjust_dates", True),
    ],
)
def test_versions_have_different_routes(version: str, action: str, exists: bool) -> None:
    path = f"/api/marketplace-resources/{'0' * 32}/{action}/"
    assert bool(load_api_description(version).list_routes(path)[1]) is exists


def test_accepted_request_changes_rows(scene: Scene) -> None:
    uuid = scene.find_resource()
    answer = scene.post(
        f"marketplace-resources/{uuid}/set_end_date/", json={"end_date": "2098-01-01"}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    statement = "select end_date::text from marketplace_resource where uuid = %s"
    assert scene.connection.execute(statement, [uuid]).fetchall() == [("2098-01-01",)]
    assert scene.stand_in.violations == []


def test_missing_end_date_of_details_clears_it(scene: Scene) -> None:
    uuid = scene.find_resource("r.end_date is not null")
    path = f"/api/marketplace-resources/{uuid}/"
    headers = {
        "Accept": "application/json",
        "Authorization": f"Token {scene.tokens['staff']}",
        "X-Request-ID": "1",
    }
    answer = scene.http.patch(path, headers=headers, json={"name": "Renamed"})
    assert answer.json()["end_date"] is None


@pytest.mark.parametrize(
    ("path", "options", "status", "fault"),
    [
        ("marketplace-resources/{uuid}/pull", {}, 404, "no version has this route"),
        ("marketplace-resources/{uuid}/nothing/", {}, 404, "no version has this route"),
        ("marketplace-resources/{uuid}/", {"json": {}}, 405, "unknown method"),
        ("marketplace-resources/{uuid}/pull/", {"json": {}}, 400, "pull takes no body."),
        ("marketplace-resources/{uuid}/set_slug/", {}, 400, "The body is missing."),
        (
            "marketplace-resources/{uuid}/set_slug/",
            {"data": {"slug": "x"}},
            400,
            "set_slug does not take application/x-www-form-urlencoded.",
        ),
        (
            "marketplace-resources/{uuid}/set_slug/",
            {"json": {"slug": "x", "name": "y"}},
            400,
            "('name' was unexpected)",
        ),
        ("marketplace-resources/{uuid}/set_slug/", {"json": {"slug": 1}}, 400, "slug: 1 is not"),
        (
            "marketplace-resources/{uuid}/move_resource/",
            {"json": {"project": {"url": "0" * 32}}},
            400,
            'is not a "uri"',
        ),
        (
            "marketplace-resources/{uuid}/move_resource/",
            {"json": {"project": {"url": f"http://waldur/api/projects/{'0' * 32}"}}},
            400,
            "project is no URL of Waldur",
        ),
        (
            "marketplace-resources/{uuid}/update_limits/",
            {"json": {"limits": {}}},
            400,
            "Empty limits.",
        ),
        (
            "marketplace-resources/{uuid}/update_limits/",
            {"files": {"limits": (None, '{"cpu": 5}'), "attachment": ("x.pdf", b"%PDF-")}},
            400,
            "Empty limits.",
        ),
    ],
)
def test_bad_requests_are_violations(
    scene: Scene, path: str, options: dict[str, Any], status: int, fault: str
) -> None:
    answer = scene.post(path.format(uuid=scene.find_resource()), **options)
    assert answer.status_code == status
    (violation,) = scene.stand_in.violations
    assert fault in violation
    assert answer.headers["content-type"].startswith(
        "text/html" if "route" in fault else "application/json"
    )


def test_missing_headers_are_violations(scene: Scene) -> None:
    answer = scene.http.post(f"/api/marketplace-resources/{scene.find_resource()}/pull/")
    assert answer.status_code == 401
    assert [each.rpartition(": ")[2] for each in scene.stand_in.violations] == [
        "no authorization",
        "no x-request-id",
        "does not accept JSON",
    ]


def test_limits_of_a_form_are_read(scene: Scene) -> None:
    uuid = scene.find_resource("o.name = 'Project file shares' and r.limits ? 'capacity'")
    files = {
        "limits.capacity": (None, "7"),
        "limits.snapshots": (None, "1"),
        "attachment": ("order.pdf", b"%PDF-1.4\n%%EOF\n"),
    }
    answer = scene.post(f"marketplace-resources/{uuid}/update_limits/", files=files)
    statement = "select limits, attachment <> '' from marketplace_order where uuid = %s"
    rows = scene.connection.execute(statement, [answer.json()["order_uuid"]]).fetchall()
    assert rows == [({"capacity": 7, "snapshots": 1}, True)]
    assert scene.stand_in.violations == []


def test_hidden_objects_are_missing(scene: Scene) -> None:
    path = f"marketplace-resources/{scene.find_resource()}/pull/"
    answer = scene.post(path, as_="nobody")
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "No Resource matches the given query."},
    )
    assert scene.stand_in.violations == []


def test_provider_sees_resources_in_its_own_collection_only(scene: Scene) -> None:
    uuid = scene.find_resource(
        "o.customer_id in (select object_id from permissions_userrole ur"
        " join core_user u on u.id = ur.user_id and u.username = 'provider') and r.backend_id <> ''"
        " and o.type = 'OpenStack.Tenant'"
    )
    assert scene.post(f"marketplace-resources/{uuid}/pull/", "provider").status_code == 404
    assert scene.post(f"marketplace-provider-resources/{uuid}/pull/", "provider").status_code == 202


def test_deprecated_end_date_has_its_own_rules(scene: Scene) -> None:
    uuid = scene.find_resource(
        "not exists (select from invoices_invoiceitem where resource_id = r.id)"
    )
    path = f"marketplace-resources/{uuid}/set_end_date_by_staff/"
    answer = scene.post(path, json={"end_date": "2020-01-01"})
    assert answer.json() == {"end_date": ["Please set at least 7 days in advance."]}
    assert scene.post(path, json={"end_date": "2098-01-01"}).status_code == 200
    assert scene.stand_in.violations == []
