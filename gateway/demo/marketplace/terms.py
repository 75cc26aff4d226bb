"""Terms of service of offerings, and users' consents to them."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.db import tables
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.rows import RowWriter

_CONSENT_VERSIONS = {"owner": "2.0", "manager": "2.0", "admin": "1.0", "reader": "2.0"}
"""Version of the terms that users agreed to, by username; other users did not agree."""


@dataclass(frozen=True)
class TermsSpec:
    """Version of terms of service."""

    version: str
    is_active: bool
    requires_reconsent: bool = True
    """Whether users who agreed to another version have to agree again."""
    grace_period_days: int = 60
    """Days in which they have to agree again."""
    has_text: bool = True
    """Whether the text is stored, in addition to the link."""


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
"""Terms of offerings whose provider creates no accounts, by the offering's name."""


def add_terms(writer: RowWriter, users: Mapping[str, int], offering: DemoOffering) -> None:
    """Add the terms of an offering and the consents to them, if it has terms."""
    creates_accounts = "service_provider_can_create_offering_user" in offering.spec.plugin_options
    versions = _COMMON_TERMS if creates_accounts else _OFFERING_TERMS.get(offering.spec.name, ())
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
