"""Test where the data of a response is built."""

import pytest

from tests.support.marketplaces import EXECUTION_MODE, Marketplace

WIDE_FIELDS = " ".join(f"a{number}: allowedOperations" for number in range(190))


@pytest.mark.skipif(EXECUTION_MODE == "reference", reason="graphql-core builds field by field")
async def test_wide_answers_are_built_in_the_thread(demo: Marketplace) -> None:
    build_worker = demo.statement_compiler.build_worker
    narrow = "{ resources(first: 300) { nodes { allowedOperations } } }"
    wide = f"{{ resources(first: 300) {{ nodes {{ {WIDE_FIELDS} }} }} }}"
    job_counts, rows = [], []
    for query in (narrow, wide) * 2:
        rows.append((await demo.fetch_data(query))["resources"]["nodes"])
        job_counts.append(build_worker.job_count)
    assert [list(each.values()) for each in rows[3]] == [[*each.values()] * 190 for each in rows[2]]
    assert [job_counts[2] - job_counts[1], job_counts[3] - job_counts[2]] == [0, 1]
