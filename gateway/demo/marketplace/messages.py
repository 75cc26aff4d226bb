"""What people and machines said about orders: messages, comments, outputs, attachments."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from gateway.demo.marketplace.rows import Rows

Said: TypeAlias = dict[str, Any]
_EVERY = 4
"""About one order in so many there was a conversation."""


def talk(number: int, at: datetime) -> Said:
    """Give what consumer and provider told each other about the order of that number."""
    subject, rest = divmod(number, _EVERY)
    return _TALKS[subject % len(_TALKS)](number, at) if rest == 0 else {}


def _question(number: int, at: datetime) -> Said:
    return {
        "provider_message": "Which queue do you need? Please see the guide.",
        "provider_message_url": "https://docs.example.org/queues",
        "provider_message_updated_at": at + timedelta(minutes=2),
        "callback_url": f"https://example.org/orders/{number}",
    }


def _conversation(number: int, at: datetime) -> Said:
    return {
        **_question(number, at),
        "consumer_message": "The short one will do.",
        "consumer_message_updated_at": at + timedelta(minutes=3),
        "provider_message_attachment": f"order_attachments/guide-{number}.pdf",
        "consumer_message_attachment": f"order_attachments/answer-{number}.pdf",
    }


def _purchase(number: int, _: datetime) -> Said:
    return {
        "attachment": f"order_attachments/purchase-order-{number}.pdf",
        "request_comment": "The purchase order is attached.",
        "backend_id": f"PO-{number:06}",
    }


_TALKS: tuple[Callable[[int, datetime], Said], ...] = (_question, _conversation, _purchase)


def failure(at: datetime) -> Said:
    """Give what an order that failed leaves behind."""
    return {
        "error_message": "The backend refused.",
        "error_traceback": "Traceback: Refused",
        "error_updated_at": at + timedelta(minutes=3),
    }


def success(at: datetime) -> Said:
    """Give what an order that was carried out leaves behind."""
    done = at + timedelta(minutes=3)
    return {"completed_at": done, "output": "Carried out.", "output_updated_at": done}


def refusal(number: int) -> Said:
    """Give why an order was rejected, by its consumer's or its provider's people."""
    if number % 2:
        return {"consumer_rejection_comment": "The budget of this year is spent."}
    return {"provider_rejection_comment": "There is no room at present."}


def wish() -> Said:
    """Give what was said for an order that waits for a decision."""
    return {"request_comment": "Please, for the course in spring."}


def later(rows: Rows) -> Said:
    """Give from when on an order is to be carried out."""
    return {**wish(), "start_date": rows.ahead(14)}
