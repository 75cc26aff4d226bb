"""Dry runs of mutations: the checks of each operation, without a request to the REST API."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
import pytest

from gateway.db.driver.transactions import Transaction, TransactionPool
from gateway.db.sql.compiler import StatementCompiler
from gateway.demo.marketplace.fill import create_marketplace
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.change_batch import ChangeOutcome
from gateway.marketplace.change_service import ChangeService
from gateway.marketplace.dry_run import DryRunAccess, find_dry_run_problem
from gateway.marketplace.operation_call import OperationCall
from gateway.marketplace.problems import ChangeRefusedError, Problem
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.schema.framework.context import RequestContext
from tests.support.granted_role import create_granted_role
from tests.support.marketplaces import Marketplace, open_marketplace
from tests.support.mutation_inputs import list_order_inputs, list_resource_inputs

T = TypeVar("T")
_SELECTION = "__typename ... on NotPossible { reason }"


_RESOURCES_SQL = """
select distinct on (state) uuid from marketplace_resource order by state, id
"""
_ORDERS_SQL = """
select distinct on (state, type) uuid from marketplace_order order by state, type, id desc
"""
_WRITING_WORDS = ("insert ", "update ", "delete ", "for update", "advisory")


class DryRunService(ChangeService):
    """Service that carries out nothing; an operation without a problem changes its resource."""

    uses_rest_api = True

    def __init__(self, marketplace: Marketplace) -> None:
        self._marketplace = marketplace
        self.problems: list[tuple[OperationCall, Problem | None]] = []
        """The operations that were run, each with its problem."""

    async def run_operation(
        self, requester: Requester, call: OperationCall
    ) -> ChangeResult | Problem:
        """Return the problem of an operation, or the keys of what it has locked."""
        unit_of_work = self._create_unit(requester)
        problem = await find_dry_run_problem(unit_of_work, call.run_operation)
        self.problems.append((call, problem))
        if problem is not None:
            return problem
        resource, order = unit_of_work.locked_resource, unit_of_work.locked_order
        return ChangeResult(
            order.resource_id if order else resource.id if resource else None,
            order.id if order else None,
            [] if "targets" in call.arguments else None,
        )

    async def run_operations(
        self, requester: Requester, calls: Sequence[OperationCall], _give_up_at: float | None
    ) -> list[ChangeOutcome]:
        """Run operations one after the other."""
        return [await self.run_operation(requester, each) for each in calls]

    async def run_check(
        self, requester: Requester, work: Callable[[UnitOfWork], Awaitable[T]]
    ) -> T | Problem:
        """Run work that writes nothing."""
        return await work(self._create_unit(requester))

    def exchange_compiler(
        self, _statement_compiler: StatementCompiler, _read_only_reason: str
    ) -> None:
        """Keep the marketplace's compiler."""

    def _create_unit(self, requester: Requester) -> UnitOfWork:
        marketplace = self._marketplace
        access = DryRunAccess(marketplace.database, marketplace.installation)
        return UnitOfWork(
            requester.viewer, access, marketplace.statement_compiler, uses_rest_api=True
        )


class RolledBackError(Exception):
    """Rolls a transaction back, with the problem of its operation."""

    def __init__(self, problem: Problem | None) -> None:
        super().__init__(problem)
        self.problem = problem


class DryRunMarketplace:
    """Marketplace whose mutations are dry runs, with a role that may only read."""

    def __init__(
        self, marketplace: Marketplace, owner: psycopg.Connection[Any], owner_url: str
    ) -> None:
        self.marketplace, self._owner = marketplace, owner
        self.service = DryRunService(marketplace)
        self.owner_url = owner_url

    def run_sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement as the owner of the database and return its rows."""
        cursor = self._owner.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def list_inputs(self) -> Iterator[tuple[str, Any]]:
        """Yield inputs of all mutations, for resources and orders in all states."""
        for (uuid,) in self.run_sql(_RESOURCES_SQL):
            yield from list_resource_inputs(self, uuid.hex)
        for (uuid,) in self.run_sql(_ORDERS_SQL):
            yield from list_order_inputs(uuid.hex)

    def check_statements(self) -> None:
        """Check that the statements since the last check have neither written nor locked."""
        recorded_sql = self.marketplace.database.recorded_sql
        assert not [
            sql for sql in recorded_sql if any(each in sql.lower() for each in _WRITING_WORDS)
        ]
        recorded_sql.clear()

    async def run_mutation(self, field: str, input_values: Any, as_: str) -> list[Any]:
        """Return the type and the reason of each result of a mutation, which has no errors."""
        is_many = "uuids" in input_values
        selection = f"result {{ {_SELECTION} }}" if is_many else _SELECTION
        type_ = f"{field[0].upper()}{field[1:]}Input"
        document = f"mutation ($input: {type_}!) {{ {field}(input: $input) {{ {selection} }} }}"
        body = await self.execute_query(document, as_, input=input_values)
        assert "errors" not in body, (field, input_values, body["errors"])
        value = body["data"][field]
        results = [each["result"] for each in value] if is_many else [value]
        return [(each["__typename"], each.get("reason")) for each in results]

    async def execute_query(self, query: str, as_: str, **variables: Any) -> Any:
        """Return the decoded response to a document."""
        marketplace = self.marketplace
        requester = Requester(await marketplace.load_viewer(as_))
        context = RequestContext(
            marketplace.database,
            marketplace.statement_compiler,
            requester,
            change_service=self.service,
        )
        request = GraphQLRequest(query, variables)
        return msgspec.json.decode((await marketplace.executor.execute(request, context)).encode())

    async def find_local_problem(
        self, transaction_pool: TransactionPool, call: OperationCall, as_: str
    ) -> Problem | None:
        """Return the problem that an operation meets in a transaction, which is rolled back."""
        viewer = await self.marketplace.load_viewer(as_)

        async def run_work(transaction: Transaction) -> None:
            unit_of_work = UnitOfWork(viewer, transaction, self.marketplace.statement_compiler)
            try:
                await call.run_operation(unit_of_work)
            except ChangeRefusedError as error:
                raise RolledBackError(error.problem) from error
            raise RolledBackError(None)

        with pytest.raises(RolledBackError) as rolled_back:
            await transaction_pool.run_transaction(run_work)
        return rolled_back.value.problem


@asynccontextmanager
async def open_dry_runs(owner_url: str) -> AsyncIterator[DryRunMarketplace]:
    """Yield a marketplace that is read with a role of exactly the privileges that it needs."""
    with (
        create_granted_role(owner_url) as role_url,
        psycopg.connect(owner_url, autocommit=True) as owner,
    ):
        async with open_marketplace(role_url) as marketplace:
            yield DryRunMarketplace(marketplace, owner, owner_url)


def create_changed_demo(url: str, setup_sql: str) -> None:
    """Create a small demo without terms of service, and change it."""
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=60, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        connection.execute(setup_sql.encode())
