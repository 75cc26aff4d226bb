"""The terms of service that people are asked to agree to, and whether they did."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.db import tables
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.rows import RowWriter

_CONSENT_VERSIONS = {"owner": "2.0", "manager": "2.0", "admin": "1.0", "reader": "2.0"}
"""The version of the terms that people agreed to; the others never did."""


@dataclass(frozen=True)
class TermsSpec:
    """A version of terms."""

    version: str
    is_active: bool
    requires_reconsent: bool = True
    """Whether those who agreed to another version have to agree again."""
    grace_period_days: int = 60
    """How long they may take."""
    has_text: bool = True
    """Whether they stand here, and not only behind the link."""


_COMMON_TERMS = (TermsSpec("1.0", is_active=False), TermsSpec("2.0", is_active=True))
_OFFERING_TERMS: Mapping[str, tuple[TermsSpec, ...]] = {
    "Archive vault": (
        TermsSpec("2023-01", is_active=False, requires_reconsent=False),
        TermsSpec(
            "2.0", is_active=True, requires_reconsent=False, grace_period_days=0, has_text=False
        ),
    ),
    "Sequencing service": (TermsSpec("draft", is_active=False, grace_period_days=14),),
}
"""Terms of offerings whose provider makes no accounts."""


def add_terms(writer: RowWriter, users: Mapping[str, int], offering: DemoOffering) -> None:
    """Add the terms of an offering that has any, and who agreed to them."""
    makes_accounts = "service_provider_can_create_offering_user" in offering.spec.plugin_options
    versions = _COMMON_TERMS if makes_accounts else _OFFERING_TERMS.get(offering.spec.name, ())
    for version in versions:
        _add_terms_version(writer, offering, version)
    if any(version.is_active for version in versions):
        _add_consents(writer, users, offering)


def _add_terms_version(writer: RowWriter, offering: DemoOffering, terms: TermsSpec) -> None:
    text = f"<p>Terms of {offering.spec.name}, version {terms.version}.</p>"
    writer.add_row(
        tables.terms_of_service,
        offering_id=offering.key,
        terms_of_service=text if terms.has_text else "",
        terms_of_service_link="https://example.org/terms",
        version=terms.version,
        is_active=terms.is_active,
        requires_reconsent=terms.requires_reconsent,
        grace_period_days=terms.grace_period_days,
        created=writer.days_ago(400 if terms.is_active else 700),
    )


def _add_consents(writer: RowWriter, users: Mapping[str, int], offering: DemoOffering) -> None:
    for username, version in _CONSENT_VERSIONS.items():
        writer.add_row(
            tables.consent,
            user_id=users[username],
            offering_id=offering.key,
            version=version,
            agreement_date=writer.days_ago(300),
            revocation_date=writer.days_ago(10) if username == "reader" else None,
            created=writer.days_ago(300),
        )
