"""Queries of all fields need no other privileges than those of `gateway check --grants`."""

import pytest

from tests.execution.corpus.both_executions import DualExecutor
from tests.execution.corpus.derived_documents import CONTRACT_CASE, generate_full_type_cases
from tests.support.granted_role import create_granted_role
from tests.support.marketplaces import open_marketplace
from tests.support.visibility.viewer_scenes import Viewpoint


@pytest.mark.parametrize("marketplace_name", ["demo", "waldur2024"])
async def test_each_query_works_with_the_printed_privileges(
    request: pytest.FixtureRequest, marketplace_name: str
) -> None:
    owner_url = request.getfixturevalue(f"{marketplace_name}_url")
    with create_granted_role(owner_url) as role_url:
        async with open_marketplace(role_url) as marketplace:
            dual_executor = DualExecutor.open_over(marketplace)
            for case in (CONTRACT_CASE, *generate_full_type_cases()):
                result_pair = await dual_executor.run_case(case, Viewpoint("", "staff"))
                assert "errors" not in result_pair.reference_body, case.name
