"""A name is suggested to who sees the project, the offering and the plan, and to nobody else."""

from itertools import islice

from tests.support.visibility.viewer_scenes import Scene

QUERY = """query($project: UUID!, $offering: UUID!, $plan: UUID) {
    suggestedResourceName(project: $project, offering: $offering, plan: $plan)
}"""
UNKNOWN = "0123456789abcdef" * 2


async def named(scene: Scene, project: str, offering: str, plan: str | None = None) -> bool:
    """Say whether a name is suggested."""
    found = await scene.data(QUERY, project=project, offering=offering, plan=plan)
    return found["suggestedResourceName"] is not None


def some(scene: Scene, name: str) -> tuple[list[str], list[str]]:
    """Give the uuids of some rows of a type that are seen, and of some that are not."""
    hidden = islice(scene.seen.hidden(name), 3)
    return sorted(scene.seen.of(name))[::10][:4], [*hidden, UNKNOWN]


async def test_a_hidden_project_or_offering_has_no_names(scene: Scene) -> None:
    projects, unseen_projects = some(scene, "Project")
    offerings, unseen_offerings = some(scene, "Offering")
    for project in (*projects, *unseen_projects):
        for offering in (*offerings, *unseen_offerings):
            seen = project in projects and offering in offerings
            assert await named(scene, project, offering) is seen, (project, offering)


async def test_a_hidden_plan_has_none_either(scene: Scene) -> None:
    projects, offerings = some(scene, "Project")[0], some(scene, "Offering")[0]
    plans, unseen = some(scene, "Plan")
    for project, offering in zip(projects[:1], offerings[:1], strict=False):
        for plan in (*plans, *unseen):
            assert await named(scene, project, offering, plan) is (plan in plans), plan
