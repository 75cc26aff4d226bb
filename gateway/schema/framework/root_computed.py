"""What is worked out at the root, of a row that an argument names."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from gateway.db.driver.encoding import hyphened
from gateway.db.query_spec import At, Condition, Of, Read
from gateway.schema.framework.arguments import Argument, by_name, signature, values
from gateway.schema.framework.context import Fact, Info
from gateway.schema.framework.filtered_lists import Narrowing
from gateway.schema.framework.relations import Resolver

Input = At | Of | Fact | Argument


@dataclass(frozen=True, eq=False)
class Derived:
    """What `function` makes of the visible row of `table` whose uuid `key` gives, if there is one.

    The `inputs` are columns, what SQL makes of them, facts and arguments. The
    row has to meet conditions; these, and the columns, may use `parameters`:
    arguments under their public names.
    """

    function: Callable[..., Any]
    table: Table[Any]
    key: Argument
    parameters: tuple[Argument, ...]
    where: tuple[Condition, ...]
    inputs: tuple[Input, ...]

    @cached_property
    def arguments(self) -> dict[str, Argument]:
        """What clients may give, by public names."""
        others = [each for each in self.inputs if isinstance(each, Argument)]
        return by_name((self.key, *self.parameters, *others))

    @cached_property
    def read(self) -> Read:
        """Describe the row."""
        columns = tuple([each for each in self.inputs if isinstance(each, (At, Of))])
        return Read(self.table, columns, match=At(self.table.c.uuid), where=self.where)

    def uuid(self, given: Mapping[str, Any]) -> str:
        """Give the key of the row, as the database sends it."""
        return hyphened(given[self.key.name])

    def asked(self, given: Mapping[str, Any]) -> Narrowing:
        """Give the parameters of the statement."""
        asked = values(self.arguments, given)
        return Narrowing(tuple([(each.name, asked[each.name]) for each in self.parameters]))

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""

        async def resolve(info: Info, **given: Any) -> Any:
            parameters = self.asked(given).parameters()
            found = await info.context.loads.rows(self.read, self.uuid(given), parameters)
            if not found:
                return None
            columns, asked = iter(found[0][1:]), values(self.arguments, given)
            return self.function(*[_value(each, columns, info, asked) for each in self.inputs])

        resolve.__signature__ = signature(self.arguments, parent=False)  # type: ignore[attr-defined]
        return resolve


def _value(given: Input, columns: Iterator[Any], info: Info, asked: Mapping[str, Any]) -> Any:
    if isinstance(given, Fact):
        return info.context.facts[given]
    return asked[given.name] if isinstance(given, Argument) else next(columns)
