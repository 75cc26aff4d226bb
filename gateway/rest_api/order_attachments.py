"""Purchase orders that are attached to orders after these were placed."""

from gateway.marketplace.problems import Problem, Unavailable
from gateway.marketplace.rows import OrderFileRow
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.rest_action import ORDERS, RestAction, build_order_request
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_request import FollowUp, RestRequest
from gateway.rest_api.rest_result import find_order_id

UPDATE_ATTACHMENT = RestAction(name="update_attachment", collections=ORDERS)
_UNNAMED_ORDER = Unavailable(
    message="The order was placed, so do not place it again; but Waldur did not name it, so its"
    " attachment could not be stored.",
    retryable=False,
)


def attach_file(content: bytes) -> FollowUp:
    """Return the follow-up of a new order, which attaches a file to it."""

    async def build_request(_unit_of_work: UnitOfWork, answer: RestAnswer) -> RestRequest | Problem:
        order_uuid = answer.get_uuid("uuid")
        return _UNNAMED_ORDER if order_uuid is None else _build_attachment(order_uuid, content)

    return build_request


def attach_missing_file(content: bytes) -> FollowUp:
    """Return the follow-up of an order that was placed with a file.

    It attaches the file if Waldur has ignored it: before 8.0.8, `update_limits` takes none.
    """

    async def build_request(unit_of_work: UnitOfWork, answer: RestAnswer) -> RestRequest | None:
        order_uuid = answer.get_uuid("order_uuid")
        order_id = await find_order_id(unit_of_work, order_uuid)
        if order_uuid is None or order_id is None:
            return None
        order = await unit_of_work.load_row(OrderFileRow, order_id)
        return None if order.attachment else _build_attachment(order_uuid, content)

    return build_request


def _build_attachment(order_uuid: str, content: bytes) -> RestRequest:
    context = (
        f"The order {order_uuid} was placed, so do not place it again; but its attachment could not"
        " be stored."
    )
    return build_order_request(
        order_uuid, UPDATE_ATTACHMENT, {}, attachment=content, problem_context=context
    )
