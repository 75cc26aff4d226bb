"""Check of a marketplace's database and of Waldur's REST API, for `gateway check`."""

from collections.abc import Iterator
from contextlib import closing

import httpx

from gateway.cli.check.database_check import DatabaseCheck
from gateway.cli.check.report import (
    Finding,
    Section,
    Severity,
    report_failure,
    report_note,
    report_success,
    report_warning,
)
from gateway.cli.check.rest_check import RestCheck, explain_error
from gateway.cli.check.token_check import check_tokens
from gateway.config.settings import Settings
from gateway.db.admin.role_status import find_token_owner
from gateway.db.driver.startup_connection import connect_database
from gateway.db.events.source import explain_source
from gateway.db.events.triggers import EventSourceError, load_trigger_status
from gateway.db.installation.installation import Installation
from gateway.server.background import explain_read_only, uses_rest_api

_TOKENLESS_NOTE = (
    "No token was given: with --token the check also finds out whether the REST API and the "
    "database belong to the same Waldur"
)


def check_marketplace(effective_settings: Settings, token: str | None) -> Iterator[Section]:
    """Yield what is found out about the database and the REST API.

    `token` is the key of a user's token; with it a request is sent as that user. Raises
    NoMarketplaceError if the database has no marketplace.
    """
    assert effective_settings.database_url is not None
    with connect_database(
        effective_settings.database_url, pooler=effective_settings.pooler
    ) as connection:
        database_check = DatabaseCheck(connection, effective_settings)
        yield from database_check.iterate_sections()
        installation = database_check.installation
        owner = None
        if token is not None and installation is not None:
            owner = find_token_owner(connection, token)
    if effective_settings.waldur_url is not None:
        with closing(RestCheck(effective_settings)) as rest_check:
            yield Section("REST API", [*_check_rest_api(rest_check, token, owner)])
    if installation is not None:
        yield Section(
            "Changes",
            [
                _check_changes(effective_settings, installation),
                *database_check.check_idempotency_keys(),
            ],
        )
        yield Section("Tokens", [*check_tokens(effective_settings, installation)])


def _check_rest_api(
    rest_check: RestCheck, token: str | None, owner: str | None
) -> Iterator[Finding]:
    findings = [*rest_check.check_address()]
    yield from findings
    if findings[-1].severity is Severity.FAILURE:
        return
    try:
        if token is None:
            yield report_note(_TOKENLESS_NOTE)
        else:
            yield from rest_check.check_token(token, owner)
        yield from rest_check.check_routes()
    except httpx.HTTPError as error:
        yield report_failure(f"The check of the REST API failed: {explain_error(error)}")


def _check_changes(effective_settings: Settings, installation: Installation) -> Finding:
    if uses_rest_api(effective_settings, installation):
        return report_success("Mutations are sent to the REST API, with the client's own token")
    reason = explain_read_only(effective_settings, installation)
    if reason is None:
        return report_success("Mutations are carried out by the gateway")
    report_refusal = report_note if effective_settings.changes == "off" else report_warning
    return report_refusal(f"Mutations return Unavailable: {reason}")


def describe_event_source(effective_settings: Settings) -> str:
    """Return one line for `gateway serve`: the source of events and why, or why there is none."""
    assert effective_settings.database_url is not None
    with connect_database(effective_settings.database_url) as connection:
        try:
            return explain_source(load_trigger_status(connection), effective_settings.events)
        except EventSourceError as error:
            return str(error)
