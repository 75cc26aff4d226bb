"""`gateway documents check`, and the check at the start of `gateway serve`."""

import json
import re
from pathlib import Path

import pytest

from tests.support.gateway_server import expect_usage_error, run_command
from tests.support.project_paths import PROJECT_ROOT

VALID_QUERY, BROKEN_QUERY = "query Me { viewer { user { username } } }", "query Broken { nothing }"
DOCUMENTED_CHECK_PATTERN = re.compile(r"^persisted-query-manifest\.json: (.*)$", re.MULTILINE)
UNREACHABLE_URL = "postgresql://u:hidden@127.0.0.1:1/x"


@pytest.fixture
def manifest_path(tmp_path: Path) -> Path:
    """Return the path of a manifest with a valid and a broken document."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"a": VALID_QUERY, "b": BROKEN_QUERY}))
    return path


def test_valid_documents_have_status_0(manifest_path: Path) -> None:
    manifest_path.write_text(json.dumps({"a": VALID_QUERY}))
    result = run_command("documents", "check", str(manifest_path), database_url=UNREACHABLE_URL)
    assert result == (0, "", "No problems\n")


def test_problems_are_lines_and_have_status_1(manifest_path: Path) -> None:
    status, output, error_output = run_command("documents", "check", str(manifest_path))
    assert (status, error_output) == (1, "1 problem\n")
    assert output == (
        f"{manifest_path}: Broken ('b'): 1:16: Cannot query field 'nothing' on type 'Query'.\n"
    )


@pytest.mark.parametrize("dev", ["on", "off"])
def test_similar_names_are_suggested_as_documented(manifest_path: Path, dev: str) -> None:
    page = (PROJECT_ROOT / "docs/persisted-documents.md").read_text(encoding="utf-8")
    (documented_problem,) = DOCUMENTED_CHECK_PATTERN.findall(page)
    manifest_path.write_text(
        json.dumps({"adcf7b64": "query Me {\n  viewr { user { username } }\n}"})
    )
    output = run_command("documents", "check", str(manifest_path), dev=dev)[1]
    assert output == f"{manifest_path}: {documented_problem}\n"


def test_limits_are_those_of_the_settings(manifest_path: Path) -> None:
    manifest_path.write_text(json.dumps({"a": "{ viewer {" + "__typename " * 110 + "}}"}))
    arguments = ("documents", "check", str(manifest_path))
    assert run_command(*arguments)[0] == 0
    assert run_command(*arguments, document_tokens="100")[0] == 1


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"operations": []}'])
def test_other_files_are_one_line(manifest_path: Path, content: str) -> None:
    manifest_path.write_text(content)
    message = expect_usage_error(run_command("documents", "check", str(manifest_path)))
    assert message.startswith(f"{manifest_path} is not a manifest of documents: ")


def test_server_does_not_start_with_broken_documents(manifest_path: Path) -> None:
    settings = {"database_url": UNREACHABLE_URL, "document_manifest": str(manifest_path)}
    message = expect_usage_error(run_command("serve", "--port", "0", "--workers", "2", **settings))
    assert "Broken ('b'): 1:16: Cannot query field 'nothing'" in message
    manifest_path.unlink()
    message = expect_usage_error(run_command("serve", "--port", "0", **settings))
    assert f"The manifest {manifest_path} can't be read" in message


def test_mode_only_needs_a_manifest() -> None:
    message = expect_usage_error(run_command("serve", "--port", "0", documents="only"))
    assert message == "GATEWAY_DOCUMENTS=only needs a GATEWAY_DOCUMENT_MANIFEST.\n"
