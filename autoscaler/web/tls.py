"""HTTPS, from the files that settings name."""

from __future__ import annotations

import ssl

from autoscaler.errors import Permanent
from autoscaler.settings import Api


def tls(api: Api) -> ssl.SSLContext | None:
    """How connections are secured; None where they are not. Raises Permanent.

    A client certificate may be shown, and must then be good; which requests need one is for
    `access.py` to say, as probes have none.
    """
    if api.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(api.tls_cert, api.tls_key)
        if api.client_ca is not None:
            context.load_verify_locations(api.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
    except OSError as error:
        files = ", ".join(str(file) for file in (api.tls_cert, api.tls_key, api.client_ca) if file)
        raise Permanent(f"cannot use the certificates of `api` ({files}): {error}") from error
    return context
