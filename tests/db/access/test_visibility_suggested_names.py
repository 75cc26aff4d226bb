"""A name is suggested only to viewers of the project, the offering and the plan."""

from itertools import islice

from tests.support.visibility.viewer_scenes import ViewerScene

QUERY = """query($project: UUID!, $offering: UUID!, $plan: UUID) {
    suggestedResourceName(project: $project, offering: $offering, plan: $plan)
}"""
UNKNOWN_UUID = "0123456789abcdef" * 2


async def is_name_suggested(
    scene: ViewerScene, project: str, offering: str, plan: str | None = None
) -> bool:
    """Return whether a name is suggested."""
    data = await scene.fetch_data(QUERY, project=project, offering=offering, plan=plan)
    return data["suggestedResourceName"] is not None


def sample_uuids(scene: ViewerScene, name: str) -> tuple[list[str], list[str]]:
    """Return uuids of some visible rows of a type, and of some hidden or unknown ones."""
    hidden_uuids = islice(scene.visible_rows.hidden_uuids(name), 3)
    return sorted(scene.visible_rows.visible_uuids(name))[::10][:4], [*hidden_uuids, UNKNOWN_UUID]


async def test_no_name_is_suggested_for_a_hidden_project_or_offering(scene: ViewerScene) -> None:
    projects, hidden_projects = sample_uuids(scene, "Project")
    offerings, hidden_offerings = sample_uuids(scene, "Offering")
    for project in (*projects, *hidden_projects):
        for offering in (*offerings, *hidden_offerings):
            is_visible = project in projects and offering in offerings
            assert await is_name_suggested(scene, project, offering) is is_visible, (
                project,
                offering,
            )


async def test_no_name_is_suggested_for_a_hidden_plan(scene: ViewerScene) -> None:
    projects, offerings = sample_uuids(scene, "Project")[0], sample_uuids(scene, "Offering")[0]
    plans, hidden_plans = sample_uuids(scene, "Plan")
    for project, offering in zip(projects[:1], offerings[:1], strict=False):
        for plan in (*plans, *hidden_plans):
            assert await is_name_suggested(scene, project, offering, plan) is (plan in plans), plan
