"""The four codings as the other side has them: what an upstream sends, and what a visitor makes of what comes."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import brotli
import pytest

from proxy.page.coding.offered import CODINGS
from proxy.page.coding.recoder import Recoder
from proxy.page.coding.zstd import zstd
from proxy.page.injector import Injector

TAG = b"<script async src=/t.js></script>"
PAGE = b"<!doctype html><html><head><title>a</title><link></head><body>" + b"<p>some text</p>" * 60
TAGGED = PAGE.replace(b"<link>", TAG + b"<link>")
NAMES = ("gzip", "deflate", "br", "zstd")
JOINING = ("gzip", "zstd")
"""Those whose streams may follow each other in one body."""
EVERY = pytest.mark.parametrize("name", NAMES)


class Upstream(Protocol):
    """An encoder that can flush."""

    def feed(self, data: bytes) -> bytes: ...
    def sync(self) -> bytes: ...
    def flush(self) -> bytes: ...


class Deflated:
    def __init__(self, wbits: int, level: int) -> None:
        self._deflate = zlib.compressobj(level, zlib.DEFLATED, wbits)
        self.feed, self.flush = self._deflate.compress, self._deflate.flush

    def sync(self) -> bytes:
        return self._deflate.flush(zlib.Z_SYNC_FLUSH)


class Brotlied:
    def __init__(self, quality: int) -> None:
        compressor = brotli.Compressor(quality=quality)
        self.feed, self.sync, self.flush = compressor.process, compressor.flush, compressor.finish


class Framed:
    """With a check sum, which one frame in the wild has and another has not."""

    def __init__(self, level: int, **more: int) -> None:
        names = zstd.CompressionParameter
        options = {names.compression_level: level, names.checksum_flag: 1}
        self._compressor = zstd.ZstdCompressor(options=options | {names[name]: value for name, value in more.items()})
        self.feed, self.flush = self._compressor.compress, self._compressor.flush

    def sync(self) -> bytes:
        return self._compressor.flush(zstd.ZstdCompressor.FLUSH_BLOCK)


def upstream(name: str, level: int = 5) -> Upstream:
    if name == "br":
        return Brotlied(level)
    return Framed(level) if name == "zstd" else Deflated(31 if name == "gzip" else 15, level)


def pack(name: str, content: bytes, level: int = 5) -> bytes:
    encoder = upstream(name, level)
    return encoder.feed(content) + encoder.flush()


@dataclass
class Stream:
    """What a browser reads of one coded stream: the text, whether it ended, whether it is an error, what follows."""

    text: bytes = b""
    ended: bool = False
    failed: bool = False
    rest: bytes = b""


class Reader:
    """Reads a stream byte by byte, so that nothing before an error is lost. `feed` gives out what it decoded."""

    def __init__(self, name: str) -> None:
        self.stream = Stream()
        self._step = _steps(name)

    def feed(self, data: bytes) -> bytes:
        stream, before = self.stream, len(self.stream.text)
        for place in range(len(data)):
            if stream.failed or stream.ended:
                stream.rest += data[place:]
                break
            try:
                text, stream.ended = self._step(data[place : place + 1])
                stream.text += text
            except (zlib.error, brotli.error, zstd.ZstdError):
                stream.failed = True
        return stream.text[before:]


def _steps(name: str) -> Callable[[bytes], tuple[bytes, bool]]:
    decoder: Any
    if name == "br":
        decoder = brotli.Decompressor()
        # The library keeps what does not fit into its buffer, though there is no limit, until it is asked again.
        return lambda data: (
            decoder.process(data) + b"".join(iter(lambda: decoder.process(b""), b"")),
            decoder.is_finished(),
        )
    decoder = zstd.ZstdDecompressor() if name == "zstd" else zlib.decompressobj(31 if name == "gzip" else 15)
    return lambda data: (decoder.decompress(data), decoder.eof)


def read(name: str, data: bytes) -> Stream:
    reader = Reader(name)
    reader.feed(data)
    return reader.stream


def unpack(name: str, data: bytes) -> bytes:
    """The content of a whole body, which must be right to its end."""
    text = b""
    while True:
        if name == "br":
            return bytes(brotli.decompress(data))
        decoder: Any = zstd.ZstdDecompressor() if name == "zstd" else zlib.decompressobj(31 if name == "gzip" else 15)
        text += decoder.decompress(data)
        assert decoder.eof
        data = decoder.unused_data
        if not data:
            return text
        assert name in JOINING


def make_injector(*, tag: bytes | None = TAG, declared: bool = True) -> Injector:
    return Injector(lambda _policies: tag, charset_declared=declared, must_look_like_document=False)


def make_recoder(name: str, *, tag: bytes | None = TAG, declared: bool = True) -> Recoder:
    return Recoder(make_injector(tag=tag, declared=declared), CODINGS[name.encode()])


def recode(recoder: Recoder, chunks: list[bytes]) -> bytes:
    return b"".join([*(piece for chunk in chunks for piece in recoder.feed(chunk)), *recoder.flush()])


def bytewise(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def splits(data: bytes) -> list[list[bytes]]:
    two = [[data[:place], data[place:]] for place in range(len(data) + 1)]
    return [*two, bytewise(data)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]
