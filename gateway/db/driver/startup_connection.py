"""Synchronous connection for work before serving: inspection, installation, commands."""

import psycopg

from gateway.db.driver.session_settings import (
    SESSION_SETTINGS,
    build_session_sql,
    build_settings_sql,
    build_startup_options,
    check_session,
)


def connect_database(url: str, *, pooler: bool = False) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the marketplace's database, with the session settings of all connections.

    With `pooler`, for one in transaction mode, they apply to the first transaction, which has
    begun. Raises psycopg.OperationalError if the connection is not open within 5 seconds.
    """
    connection = psycopg.connect(
        url,
        connect_timeout=5,
        application_name="marketplace-gateway",
        client_encoding="utf8",
        **({} if pooler else build_startup_options(url, SESSION_SETTINGS)),
    )
    try:
        if pooler:
            connection.execute(build_settings_sql(SESSION_SETTINGS).encode())
        check_session(connection.execute(build_session_sql(is_local=pooler).encode()).fetchone())
        if not pooler:
            connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection
