"""Connections to an OpenID provider that fail below HTTP."""

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.auth.oidc_provider import IntrospectionClient, OIDCProvider, ProviderUnavailableError
from tests.support.raw_server import damage_records, run_raw_server


async def test_damaged_tls_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    client = IntrospectionClient()
    with run_raw_server(damage_records, context) as server:
        provider = OIDCProvider(f"{server.url}/introspect", "gateway", "secret", "username", 300)
        with pytest.raises(ProviderUnavailableError, match="SSLError"):
            await client.introspect_token(provider, "token")
        assert len(server.exchanges) == 1
    await client.close()
