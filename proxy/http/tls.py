"""TLS: the contexts of both sides, and towards upstream the layer between a plain transport and a Connection.

That layer is over the standard library's memory BIOs, not the event loop's own TLS: uvloop 0.23 discards what it has
received but not yet delivered when the TCP stream ends while reading is paused, which cut up to 256 KiB off the answers
of upstreams that close behind them. Here pausing stops the socket itself, so the end can never overtake the data.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import cast

READ_BYTES = 256 * 1024  # decrypted at once; records hold 16 KiB


class TlsLayer(asyncio.Protocol):
    """Towards the socket a protocol, towards `inner` a transport of as much as a Connection uses. `ready` is done when
    the peer is verified, or holds the OSError that prevented it."""

    def __init__(
        self, inner: asyncio.Protocol, context: ssl.SSLContext, name: str, ready: asyncio.Future[None]
    ) -> None:
        self.inner = inner
        self.ready = ready
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._transport = cast(asyncio.Transport, None)

    # Towards the socket ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.inner.connection_made(cast(asyncio.BaseTransport, self))
        self._shake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("closed in the handshake"))
        self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        if not self.ready.done():
            self._shake()
        if self.ready.done() and not self._transport.is_closing():
            self._read()

    def eof_received(self) -> None:
        """Without close_notify before it: no clean end (RFC 9112 9.8); the transport closes itself."""

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()  # the alert that tells the peer
            self._fail(error)
            self._transport.close()
        else:
            self._flush()
            if not self.ready.done():
                self.ready.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    def _read(self) -> None:
        pieces = []
        ended = broken = False
        try:
            while piece := self._tls.read(READ_BYTES):
                pieces.append(piece)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError:
            broken = True
        self._flush()  # answers to key updates
        if pieces:
            self.inner.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if ended:
            self.inner.eof_received()
            self._transport.close()
        elif broken:
            self._transport.abort()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    # Towards the connection ------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        # Into a memory BIO a write is always whole, and never waits for the peer: renegotiation is switched off.
        self._tls.write(data)
        self._flush()

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self._transport.close()

    def get_extra_info(self, name: str) -> object:
        return self._transport.get_extra_info(name)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def abort(self) -> None:
        self._transport.abort()


class TlsError(Exception):
    """A certificate, key or list of authorities that cannot be used; half a sentence with the file's name."""


def client_context(ca_file: Path | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """Towards upstream: verifies the peer's name and certificate by the system's authorities, or by those in `ca_file`
    alone; without `verify` it believes whoever answers. Raises TlsError."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise TlsError(f"{ca_file}: {_why(error, 'no certificates in PEM')}") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return harden(context)


def server_context(cert_file: Path, key_file: Path | None) -> ssl.SSLContext:
    """Towards visitors: the certificate with its chain, and its key (None: in the same file). Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: the older ones must not be used
    try:
        # A key that wants a password would ask for it on the terminal of a process that has none.
        context.load_cert_chain(cert_file, key_file, password=lambda: "")
    except (OSError, ValueError) as error:
        for file in (cert_file, key_file):
            if file is not None and not file.is_file():
                raise TlsError(f"{file}: no such file") from None
        raise TlsError(f"{cert_file}: {_why(error, 'no certificate in PEM with its key, unencrypted')}") from None
    return harden(context)


def _why(error: Exception, otherwise: str) -> str:
    """The system's own words, unless they are OpenSSL's."""
    return otherwise if isinstance(error, ssl.SSLError | ValueError) else getattr(error, "strerror", "") or otherwise


def harden(context: ssl.SSLContext) -> ssl.SSLContext:
    """What TlsLayer relies on: HTTP/1.1 alone, and no renegotiation in the middle of a write (TLS 1.2)."""
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context
