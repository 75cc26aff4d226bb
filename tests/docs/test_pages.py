"""Documents are current: code, SQL and stages of docs/architecture/, REST's names, links."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gateway.api import schema
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.plan.nodes import PlanStep
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from tests.support.marketplaces import Marketplace
from tests.support.project_paths import PROJECT_ROOT

QUERY_PAGE = (PROJECT_ROOT / "docs/architecture/query.md").read_text(encoding="utf-8")
PAGES = [PROJECT_ROOT / "CONTRIBUTING.md", *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
STAGE_PAGES = [
    PROJECT_ROOT / "docs/architecture" / name for name in ("query.md", "mutation.md", "events.md")
]
FIRST_PROJECT_SQL = "select uuid from structure_project where id = 1"


def extract_code_blocks(language: str) -> list[str]:
    """Return the document's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", QUERY_PAGE, re.DOTALL)


def strip_whitespace(text: str) -> str:
    """Return a text without whitespace and trailing commas."""
    return re.sub(r"\s", "", text).replace(",)", ")")


def iter_stages(page_text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the files and the names in each row of a document's table of stages."""
    for row in re.findall(r"^\| [^|]+ \|[^|]+\|[^|]+\|$", page_text, re.MULTILINE):
        _, _, files, names, _ = row.split("|")
        paths = re.findall(r"`([\w/]+\.py)`", files)
        if paths:
            yield paths, re.findall(r"\w+", " ".join(re.findall(r"`([\w.]+)`", names)))


def mask_datetimes(text: str) -> str:
    """Return a text with times masked: those of a demo depend on the date of its creation."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "moment", text)


def iter_documented_code(steps: list[PlanStep]) -> Iterator[str]:
    """Yield the code and the statements that the document must contain."""
    page_step = steps[1]
    build_source, _, *key_sources = page_step.source_code.split("\n\ndef ")
    yield build_source
    yield from (f"def {source}" for source in key_sources)
    for step in steps[1:]:
        for statement in step.statements.values():
            assert statement is not None
            yield statement.sql


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", STAGE_PAGES, ids=lambda page: page.stem)
def test_stages_name_existing_files_and_functions(page: Path) -> None:
    stages = list(iter_stages(page.read_text(encoding="utf-8")))
    assert len(stages) > 10
    for paths, names in stages:
        sources = [(PROJECT_ROOT / "gateway" / each).read_text(encoding="utf-8") for each in paths]
        for name in names:
            assert any(re.search(rf"\b{name}\b", each) for each in sources), (name, paths)


def test_the_rest_to_graphql_page_is_current() -> None:
    generated_page = runpy.run_path(str(PROJECT_ROOT / "tools" / "rest_to_graphql.py"))[
        "render_mapping_page"
    ]()
    page = (PROJECT_ROOT / "docs" / "rest-to-graphql.md").read_text(encoding="utf-8")
    assert generated_page == page, "Run `make docs` to regenerate the page."


async def test_the_traced_query_runs_as_documented(demo: Marketplace) -> None:
    (query,) = extract_code_blocks("graphql")
    (documented_result,) = extract_code_blocks("json")
    with psycopg.connect(demo.url) as connection:
        ((project,),) = connection.execute(FIRST_PROJECT_SQL).fetchall()
    executor = Executor(schema)
    graphql_request = GraphQLRequest(query, {"project": project.hex})
    context = RequestContext(
        demo.database, demo.statement_compiler, Requester(await demo.load_viewer("member"))
    )
    actual_result = (await executor.execute(graphql_request, context)).encode().decode()
    assert mask_datetimes(actual_result) == mask_datetimes(documented_result.strip())
    assert executor._plan_cache is not None
    document = executor._admission.document_cache.get_document(query)
    plan = executor._plan_cache.find_plan(document, graphql_request, demo.installation)
    assert plan is not None
    assert [len(level) for level in plan.levels] == [2, 2]
    documented_code = strip_whitespace(
        "".join(extract_code_blocks("python") + extract_code_blocks("sql"))
    )
    for source in iter_documented_code(plan.steps):
        assert strip_whitespace(source) in documented_code, source
