"""The files of [tls]: what visitors are served by https with, and what an https site is verified by.

Law: nothing here serves anybody; what is wrong with a file is a TlsError, or one line with the key.
"""

import ssl

from proxy.http.tls import TlsError, client_context, server_context
from proxy.tables import Config


def visitors_context(config: Config) -> ssl.SSLContext | None:
    """What visitors are served by https with; None: by http. Raises TlsError."""
    certificate = config.path_of(config.tls.cert_file)
    return server_context(certificate, config.path_of(config.tls.key_file)) if certificate is not None else None


def upstream_context(config: Config) -> ssl.SSLContext | None:
    """What an https site is verified by; None: the site is not https. Raises TlsError."""
    if not config.site.upstream.startswith("https:"):
        return None
    return client_context(config.path_of(config.tls.upstream_ca_file), verify=config.tls.upstream_verify)


def inspect_tls(config: Config) -> str | None:
    """What is wrong with the files of [tls], if anything: one line with the key."""
    try:
        visitors_context(config)
    except TlsError as error:
        return f"tls.cert_file: {error}"
    authorities = config.path_of(config.tls.upstream_ca_file)
    try:
        if authorities is not None:
            client_context(authorities)
    except TlsError as error:
        return f"tls.upstream_ca_file: {error}"
    return None
