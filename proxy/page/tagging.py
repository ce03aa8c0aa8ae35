"""One page's body on its way to the visitor: decoded if it is coded, the tag put in, encoded again.

Law: sans-I/O. What comes out is what goes to the visitor, in order; once `decided`, chunks pass by reference unless
the body is coded. The tag is made when the place for it is found, since a policy in a meta may forbid it or ask for
a nonce (HTTP.md, "Content-Security-Policy").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.page import policy
from proxy.page.coding.offered import coding_of
from proxy.page.coding.recoder import Recoder
from proxy.page.eligibility import Answer
from proxy.page.injector import Injector
from proxy.page.usual import HEAD_BYTES


@dataclass(frozen=True, slots=True)
class Site:
    """What the tag needs to know of the site: its public origin (`https://shop.example`), the tag's src, and the paths
    of ours that a policy has to let through; `part` is the script that the first one imports, None if it never does."""

    origin: bytes
    src: bytes
    script: bytes
    collector: bytes
    part: bytes | None = None


def tag_of(site: Site, page_id: bytes, nonce: bytes | None = None) -> bytes:
    """The tag of a page; `nonce`: the one with which its policies let it run (policy.py, `Verdict.nonce`)."""
    attribute = b"" if nonce is None else b' nonce="%b"' % nonce
    return b'<script async src="%b" data-page="%b"%b></script>' % (site.src, page_id, attribute)


class FindPlace(Protocol):
    """`usual_place`, with or without a memory."""

    def __call__(self, start: bytes, *, charset_declared: bool) -> int | None: ...


class Watch(Protocol):
    """Whoever wants to see a page's bytes as the visitor reads them."""

    def feed(self, chunk: bytes, /) -> None: ...


class Tagging:
    """The body of one page. `feed` chunks, then `flush` once; a body that upstream broke off is not flushed, so that it
    looks as truncated as it is. `decided`: the tag is in, or never will be. `failure`: what went wrong in here,
    to be logged. `coded`: the body is; its length cannot be known before its end, and then `end`. `blocked`: why a
    policy in a meta forbids the tag (policy.py, `Verdict.reason`). `nonce`: the one with which the head's policies let
    the tag run. `watch`: is shown a coded body as it is decoded."""

    __slots__ = (
        "_declared",
        "_injector",
        "_must_look",
        "_nonce",
        "_page_id",
        "_place",
        "_plain",
        "_policies",
        "_recoder",
        "_site",
        "added",
        "blocked",
        "coded",
        "decided",
        "failure",
        "watch",
    )

    def __init__(
        self,
        site: Site,
        page_id: bytes,
        answer: Answer,
        *,
        place: FindPlace,
        must_look_like_document: bool,
        nonce: bytes | None = None,
    ) -> None:
        self._place = place
        self._site = site
        self._page_id = page_id
        self._plain = tag_of(site, page_id)
        self._policies = answer.policies
        self._nonce = nonce
        self._declared = bool(answer.charset)
        self._must_look = must_look_like_document
        self._injector: Injector | None = None
        coding = coding_of(answer.coding) if answer.coding else None
        self._recoder = None if coding is None else Recoder(Careful(self._make_injector(), self), coding)
        self.coded = coding is not None
        self.decided = False
        self.added = 0
        self.blocked = ""
        self.failure: Exception | None = None
        self.watch: Watch | None = None

    @property
    def likely(self) -> int:
        """Bytes that the tag will most likely add: `added` says how many they were."""
        return len(self._plain)

    def feed(self, chunk: bytes | memoryview) -> bytes | memoryview:
        """What can be sent after this chunk of a body that is not coded."""
        if self.decided:
            return chunk
        if self._injector is None:
            place = self._place(bytes(chunk[:HEAD_BYTES]), charset_declared=self._declared)
            if place is not None:
                self.decided = True
                return b"".join((chunk[:place], self._make_tag(()) or b"", chunk[place:]))
            self._injector = self._make_injector()
        out = self._injector.feed(bytes(chunk))
        if self._injector.decided:
            self.decided, self._injector = True, None  # which knows us
        return out

    def flush(self) -> bytes:
        """The rest of a body that is not coded."""
        self.decided = True
        return b"" if self._injector is None else self._injector.flush()

    def _make_injector(self) -> Injector:
        return Injector(self._make_tag, charset_declared=self._declared, must_look_like_document=self._must_look)

    def put(self, chunk: bytes | memoryview, *, last: bool) -> bytes | memoryview:
        """`feed`, and `flush` after the last chunk. Raises nothing: where tagging fails, the page goes on without."""
        if self.decided:
            return chunk
        try:
            out = self.feed(chunk)
            return bytes(out) + self.flush() if last else out
        except Exception as error:
            return self.fail(error, self._injector, bytes(chunk))

    def fail(self, error: Exception, injector: Injector | None, chunk: bytes) -> bytes:
        """No tag for this page: what has not been given out of it."""
        self.failure = error
        self.decided, self.added = True, 0
        held = injector.release() if injector is not None else b""
        return held if held.endswith(chunk) else held + chunk

    def feed_coded(self, chunk: bytes, *, last: bool) -> Iterator[bytes]:
        """What can be sent after this chunk of a coded body, in pieces that are bounded however well it was
        compressed; must be exhausted before the next chunk."""
        assert self._recoder is not None
        yield from self._recoder.feed(chunk)
        if last:
            yield from self._recoder.flush()

    def end(self) -> None:
        """Nothing of a coded body is to come. What it was decoded and encoded with, some 150 KB, goes now: it knows us
        as we know it, and would wait for the cycle collector, with that of thousands of other pages."""
        self._recoder = None

    def _make_tag(self, metas: tuple[bytes, ...]) -> bytes | None:
        nonce = self._nonce
        if metas:
            verdict = decide(self._policies, self._site, metas)
            if not verdict.allowed:
                self.blocked = verdict.reason
                return None
            nonce = verdict.nonce
        tag = self._plain if nonce is None else tag_of(self._site, self._page_id, nonce)
        self.added = len(tag)
        return tag


class Careful:
    """An injector in a Recoder that raises nothing: where tagging fails, the page goes on without."""

    __slots__ = ("_injector", "_tagging", "decided", "injected")

    def __init__(self, injector: Injector, tagging: Tagging) -> None:
        self._injector = injector
        self._tagging = tagging
        self.decided = False
        self.injected = False

    def feed(self, chunk: bytes) -> bytes:
        if self._tagging.watch is not None:
            self._tagging.watch.feed(chunk)
        if self.decided:
            return chunk
        try:
            out = self._injector.feed(chunk)
        except Exception as error:
            self.decided = True
            return self._tagging.fail(error, self._injector, chunk)
        self.decided, self.injected = self._injector.decided, self._injector.injected
        return out

    def flush(self) -> bytes:
        if self.decided:
            return b""
        self.decided = True
        try:
            return self._injector.flush()
        except Exception as error:
            return self._tagging.fail(error, self._injector, b"")

    def release(self) -> bytes:
        self.decided = True
        return self._injector.release()


def decide(policies: Sequence[bytes], site: Site, metas: tuple[bytes, ...] = ()) -> policy.Verdict:
    """Whether the policies of the head, and of the metas seen so far, let the tag run and its beacons through."""
    return policy.decide(
        policies,
        origin=site.origin,
        script_path=site.script,
        collector_path=site.collector,
        part_path=site.part,
        metas=metas,
    )


def extend(policies: Sequence[bytes], site: Site, nonce: bytes) -> policy.Extended:
    """The policies of the head with a nonce for our tag, where that lets it run."""
    return policy.extend(
        policies,
        nonce,
        origin=site.origin,
        script_path=site.script,
        collector_path=site.collector,
        part_path=site.part,
    )


def may_tag(answer: Answer) -> bool:
    """Whether an answer's body can take the tag, for all that its head says but for its policies: a document in a
    charset that the scanner knows, which it allows to be changed and no footfall before us has tagged, coded in no way
    or in one that we decode."""
    return answer.takes_tag and (not answer.coding or coding_of(answer.coding) is not None)
