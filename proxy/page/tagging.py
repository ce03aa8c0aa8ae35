"""One page's body on its way to the visitor: decoded if it is coded, the tag put in, encoded again.

Law: sans-I/O. What comes out is what goes to the visitor, in order; once `decided`, chunks pass by reference unless
the body is coded. The tag is made when the place for it is found, since a policy in a meta may forbid it or ask for
a nonce (HTTP.md, "Content-Security-Policy").
"""

from collections.abc import Sequence
from typing import NamedTuple

from proxy.page import policy
from proxy.page.coding import Recoder, is_gzip
from proxy.page.eligibility import Answer
from proxy.page.injector import Injector


class Site(NamedTuple):
    """What the tag needs to know of the site: its public origin (`https://shop.example`) and our two paths there,
    the script's with its version in the query."""

    origin: bytes
    script: bytes
    collector: bytes


class Tagging:
    """The body of one page. `feed` chunks, then `flush` once, or `release` where upstream broke off."""

    __slots__ = ("_injector", "_page_id", "_policies", "_recoder", "_site", "added", "blocked")

    def __init__(
        self, *, site: Site, page_id: bytes, policies: Sequence[bytes], answer: Answer, coded: bool, sniff: bool
    ) -> None:
        self._site = site
        self._page_id = page_id
        self._policies = policies
        self._injector = Injector(self._make_tag, charset_declared=bool(answer.charset), must_look_like_document=sniff)
        self._recoder = Recoder(self._injector) if coded else None
        self.added = 0
        self.blocked = ""

    @property
    def decided(self) -> bool:
        """Whether the tag is in or never will be."""
        return self._injector.decided

    @property
    def coded(self) -> bool:
        """Whether the body's length cannot be known before its end."""
        return self._recoder is not None

    def feed(self, chunk: bytes) -> bytes:
        """What can be sent after this chunk."""
        if self._recoder is None:
            return self._injector.feed(chunk)
        return b"".join(self._recoder.feed(chunk))

    def flush(self) -> bytes:
        """The rest, the body being complete."""
        if self._recoder is None:
            return self._injector.flush()
        return b"".join(self._recoder.flush())

    def _make_tag(self, metas: tuple[bytes, ...]) -> bytes | None:
        script, _, _ = self._site.script.partition(b"?")
        verdict = policy.decide(
            self._policies,
            origin=self._site.origin,
            script_path=script,
            collector_path=self._site.collector,
            metas=metas,
        )
        if not verdict.allowed:
            self.blocked = verdict.reason
            return None
        nonce = b"" if verdict.nonce is None else b' nonce="%b"' % verdict.nonce
        tag = b'<script async src="%b" data-page="%b"%b></script>' % (self._site.script, self._page_id, nonce)
        self.added = len(tag)
        return tag


def headers_allow(policies: Sequence[bytes], site: Site) -> bool:
    """Whether the policies in the response head let the tag run; those in metas are seen later."""
    script, _, _ = site.script.partition(b"?")
    verdict = policy.decide(policies, origin=site.origin, script_path=script, collector_path=site.collector)
    return verdict.allowed


def can_decode(coding: bytes) -> bool:
    """Whether a body with this Content-Encoding can be tagged (b"" is no coding)."""
    return not coding or coding.strip().lower() == b"identity" or is_gzip(coding)
