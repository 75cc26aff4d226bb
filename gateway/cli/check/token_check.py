"""Check of what clients can authenticate with."""

from collections.abc import Iterator

from gateway.cli.check.report import Finding, report_note, report_success, report_warning
from gateway.config.settings import Settings
from gateway.db import tables
from gateway.db.access.personal_tokens import supports_personal_tokens
from gateway.db.installation.installation import Installation


def check_tokens(settings: Settings, installation: Installation) -> Iterator[Finding]:
    """Yield which tokens are accepted, and whether using them extends their lifetime."""
    yield _check_token_refresh(settings, installation)
    yield _check_personal_tokens(installation)
    yield _describe_oidc_tokens(settings)
    if not settings.impersonation:
        yield report_note("Impersonation is refused, also to staff (GATEWAY_IMPERSONATION)")


def _check_token_refresh(settings: Settings, installation: Installation) -> Finding:
    if not settings.keep_tokens:
        return report_note("Using a token does not extend its lifetime (GATEWAY_KEEP_TOKENS)")
    if installation.is_writable or settings.waldur_url:
        return report_success("Using a token extends its lifetime")
    return report_warning(
        "Using a token does not extend its lifetime: tokens of users who use only the gateway "
        "expire. Set GATEWAY_WALDUR_URL"
    )


def _check_personal_tokens(installation: Installation) -> Finding:
    if not supports_personal_tokens(installation):
        return report_note("This version of Waldur has no personal access tokens")
    if tables.user.c.can_use_personal_access_tokens in installation.unreadable_columns:
        return report_warning(
            "Personal access tokens are refused: the role may not read who may use them"
        )
    return report_success("Personal access tokens are accepted, if Waldur has them switched on")


def _describe_oidc_tokens(settings: Settings) -> Finding:
    if settings.oidc == "off":
        return report_note("OIDC access tokens are refused (GATEWAY_OIDC)")
    return report_success(f"OIDC access tokens are accepted (GATEWAY_OIDC={settings.oidc})")
