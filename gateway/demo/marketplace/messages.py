"""Texts of orders: messages, comments, errors, outputs, attachments."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from gateway.demo.marketplace.rows import RowWriter

OrderTexts: TypeAlias = dict[str, Any]
"""Columns of an order that hold texts and their times."""
_CONVERSATION_INTERVAL = 4
"""One order in so many has a conversation."""


def generate_conversation(number: int, created: datetime) -> OrderTexts:
    """Return the messages of consumer and provider about order `number`; {} without any."""
    conversation_number, remainder = divmod(number, _CONVERSATION_INTERVAL)
    return (
        _CONVERSATIONS[conversation_number % len(_CONVERSATIONS)](number, created)
        if remainder == 0
        else {}
    )


def _ask_question(number: int, created: datetime) -> OrderTexts:
    return {
        "provider_message": "Which queue do you need? Please see the guide.",
        "provider_message_url": "https://docs.example.org/queues",
        "provider_message_updated_at": created + timedelta(minutes=2),
        "callback_url": f"https://example.org/orders/{number}",
    }


def _exchange_messages(number: int, created: datetime) -> OrderTexts:
    return {
        **_ask_question(number, created),
        "consumer_message": "The short one will do.",
        "consumer_message_updated_at": created + timedelta(minutes=3),
        "provider_message_attachment": f"order_attachments/guide-{number}.pdf",
        "consumer_message_attachment": f"order_attachments/answer-{number}.pdf",
    }


def _attach_purchase_order(number: int, _: datetime) -> OrderTexts:
    return {
        "attachment": f"order_attachments/purchase-order-{number}.pdf",
        "request_comment": "The purchase order is attached.",
        "backend_id": f"PO-{number:06}",
    }


_CONVERSATIONS: tuple[Callable[[int, datetime], OrderTexts], ...] = (
    _ask_question,
    _exchange_messages,
    _attach_purchase_order,
)


def describe_failure(created: datetime) -> OrderTexts:
    """Return the columns of a failed order."""
    return {
        "error_message": "The backend refused.",
        "error_traceback": "Traceback: Refused",
        "error_updated_at": created + timedelta(minutes=3),
    }


def describe_success(created: datetime) -> OrderTexts:
    """Return the columns of an order that is done."""
    completed_at = created + timedelta(minutes=3)
    return {
        "completed_at": completed_at,
        "output": "Carried out.",
        "output_updated_at": completed_at,
    }


def describe_rejection(number: int) -> OrderTexts:
    """Return the reason of a rejection: the provider's for an even number, else the consumer's."""
    if number % 2:
        return {"consumer_rejection_comment": "The budget of this year is spent."}
    return {"provider_rejection_comment": "There is no room at present."}


def describe_request() -> OrderTexts:
    """Return the comment of an order that waits for approval."""
    return {"request_comment": "Please, for the course in spring."}


def describe_delayed_start(writer: RowWriter) -> OrderTexts:
    """Return the comment and the start date of an order that waits for that date."""
    return {**describe_request(), "start_date": writer.days_ahead(14)}
