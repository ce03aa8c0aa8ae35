"""TLS: the contexts of both sides, and the layer between a plain transport and a Connection or a ServerProtocol.

That layer is over the standard library's memory BIOs, not the event loop's own TLS: uvloop 0.23 discards what it has
received but not yet delivered when the TCP stream ends while reading is paused, which cut up to 256 KiB off the answers
of upstreams that close behind them, and the last bytes of visitors who do; it holds unfinished handshakes uncounted,
and waits up to 30 s for the close_notify of a peer who owes it. Here pausing stops the socket itself, so the end can
never overtake the data, and a connection is ours from its first moment to its last.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import cast

RECORD_BYTES = 16 * 1024  # of a record's plaintext, at most (RFC 8446 5.1); OpenSSL reads one at a time
ANSWERED_BYTES = 1024  # of what one read makes TLS itself answer: some 40 key updates of 20 us; browsers send none


class TlsLayer(asyncio.Protocol):
    """Towards the socket a protocol, towards `inner` a transport. `name`: of the peer, who is asked to prove it; None:
    the peer is the one who has asked for the connection."""

    def __init__(self, inner: asyncio.Protocol, context: ssl.SSLContext, name: str | None) -> None:
        self.inner = inner
        self.is_ready = False  # the handshake is done
        self._ended = False  # the peer has said close_notify: what he sends behind it is nothing (RFC 8446 6.1)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=name is None, server_hostname=name)
        self._transport = cast(asyncio.Transport, None)

    # Towards the socket ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.inner.connection_made(cast(asyncio.BaseTransport, self))

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)
        del self.inner  # which holds us for its transport

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._incoming.write(data)
        if not self.is_ready:
            self._shake()
        if self.is_ready and not self._transport.is_closing():
            self._read()

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
            self._shaken(error)
            self._transport.close()
        else:
            self._flush()
            self.is_ready = True
            self._shaken(None)

    def _shaken(self, error: Exception | None) -> None:
        """The handshake is over."""

    def _read(self) -> None:
        pieces = []
        ended = broken = False
        try:
            while self._incoming.pending:
                piece = self._tls.read(RECORD_BYTES)
                if not piece:
                    ended = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError:
            broken = True
        if self._outgoing.pending > ANSWERED_BYTES:
            broken = True
        elif self._outgoing.pending:
            self._flush()  # answers to key updates
        if broken:
            self._transport.abort()  # first: nothing can be written any more, and what came whole may want to
        if pieces:
            self.inner.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if ended:
            self._ended = True
            self._end()

    def _end(self) -> None:
        """The peer has said close_notify."""
        self.inner.eof_received()
        self._transport.close()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    # Towards the connection ------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # Into a memory BIO a write is always whole, and never waits for the peer: renegotiation is switched off.
        self._tls.write(data)
        self._flush()

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self._transport.close()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def abort(self) -> None:
        self._transport.abort()


class UpstreamTls(TlsLayer):
    """`ready` is done when upstream is verified, or holds the OSError that prevented it."""

    def __init__(
        self, inner: asyncio.Protocol, context: ssl.SSLContext, name: str, ready: asyncio.Future[None]
    ) -> None:
        super().__init__(inner, context, name)
        self.ready = ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._shake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._shaken(exc or ConnectionError("closed in the handshake"))
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Without close_notify before it: no clean end (RFC 9112 9.8); the transport closes itself."""

    def _shaken(self, error: Exception | None) -> None:
        if self.ready.done():
            return
        if error is None:
            self.ready.set_result(None)
        else:
            self.ready.set_exception(error)


class VisitorTls(TlsLayer, asyncio.Transport):
    """A visitor's. `inner` is told of the connection before the handshake, so that it is counted and timed from its
    first moment (T6); what it writes then, and after its own end, goes nowhere."""

    def __init__(self, inner: asyncio.Protocol, context: ssl.SSLContext) -> None:
        super().__init__(inner, context, None)
        self._open = False  # our direction
        self._stays = False  # although the visitor has ended his

    def eof_received(self) -> bool:
        """With close_notify or without: a request has its own end, and so have the messages of a tunnel."""
        if self._open and not self._stays:
            self._stays = bool(self.inner.eof_received())
        if not self._stays:
            self._say_goodbye()
        return self._stays

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._open and data and not self._transport.is_closing():
            super().write(data)

    def writelines(self, parts: Iterable[bytes | bytearray | memoryview]) -> None:
        if self._open and not self._transport.is_closing():
            for part in parts:
                self._tls.write(part)
            self._flush()

    def can_write_eof(self) -> bool:
        return self._open

    def write_eof(self) -> None:
        self._say_goodbye()
        self._transport.write_eof()

    def close(self) -> None:
        """At once: the visitor's close_notify is not waited for (RFC 8446 6.1, RFC 5246 7.2.1)."""
        self._say_goodbye()
        self._transport.close()

    def abort(self) -> None:
        self._open = False
        super().abort()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size() if self.is_ready else 0  # the handshake has its own deadline

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._tls.context if name == "sslcontext" else super().get_extra_info(name, default)

    def _shaken(self, error: Exception | None) -> None:
        self._open = error is None

    def _end(self) -> None:
        if not self.eof_received():
            self.close()

    def _say_goodbye(self) -> None:
        if self._open:
            with contextlib.suppress(ssl.SSLError):  # it would wait for the visitor's
                self._tls.unwrap()
            self._flush()
            self._open = False

    def _flush(self) -> None:
        if self._open or not self.is_ready:
            super()._flush()


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
