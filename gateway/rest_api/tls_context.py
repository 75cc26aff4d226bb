"""TLS of connections to Waldur's REST API."""

import ssl
from pathlib import Path

import httpx


def create_tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Create the context that verifies Waldur's certificate.

    It trusts the CA certificates of a file, or those of Python's package certifi; variables of the
    environment, such as SSL_CERT_FILE, change nothing. Raises OSError if the file can't be used.
    """
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=str(ca_file))
