"""The terms of service that people are asked to agree to, and whether they did."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.db import tables
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.rows import Rows

_AGREED = {"owner": "2.0", "manager": "2.0", "admin": "1.0", "reader": "2.0"}
"""The version of the terms that people agreed to; the others never did."""


@dataclass(frozen=True)
class Terms:
    """A version of terms."""

    version: str
    active: bool
    reconsent: bool = True
    """Whether those who agreed to another version have to agree again."""
    days: int = 60
    """How long they may take."""
    text: bool = True
    """Whether they stand here, and not only behind the link."""


_USUAL = (Terms("1.0", active=False), Terms("2.0", active=True))
_OTHERS: Mapping[str, tuple[Terms, ...]] = {
    "Archive vault": (
        Terms("2023-01", active=False, reconsent=False),
        Terms("2.0", active=True, reconsent=False, days=0, text=False),
    ),
    "Sequencing service": (Terms("draft", active=False, days=14),),
}
"""Terms of offerings whose provider makes no accounts."""


def add(rows: Rows, users: Mapping[str, int], offering: Offering) -> None:
    """Add the terms of an offering that has any, and who agreed to them."""
    makes_accounts = "service_provider_can_create_offering_user" in offering.offer.plugin_options
    found = _USUAL if makes_accounts else _OTHERS.get(offering.offer.name, ())
    for each in found:
        _add(rows, offering, each)
    if any(each.active for each in found):
        _consents(rows, users, offering)


def _add(rows: Rows, offering: Offering, terms: Terms) -> None:
    said = f"<p>Terms of {offering.offer.name}, version {terms.version}.</p>"
    rows.add(
        tables.terms_of_service,
        offering_id=offering.key,
        terms_of_service=said if terms.text else "",
        terms_of_service_link="https://example.org/terms",
        version=terms.version,
        is_active=terms.active,
        requires_reconsent=terms.reconsent,
        grace_period_days=terms.days,
        created=rows.ago(400 if terms.active else 700),
    )


def _consents(rows: Rows, users: Mapping[str, int], offering: Offering) -> None:
    for username, version in _AGREED.items():
        rows.add(
            tables.consent,
            user_id=users[username],
            offering_id=offering.key,
            version=version,
            agreement_date=rows.ago(300),
            revocation_date=rows.ago(10) if username == "reader" else None,
            created=rows.ago(300),
        )
