"""Content-Security-Policy in the whole tracking: what is respected, what is extended, and what is told of the rest."""

import base64
import contextlib
import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from shops import Shop, shop
from wire import Answer, eventually

from proxy.config import Config
from proxy.page.integrity import REASON
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.tables import Inject, Site

HEAD = '<!doctype html><html><head><meta charset="utf-8"><title>One</title>'
PAGE = (HEAD + "<link rel=x></head><body>hello</body></html>").encode()
META = '<meta http-equiv="Content-Security-Policy" content="{}">'
CSP = b"content-security-policy"
TAG = re.compile(
    rb'<script async src="/_footfall/t\.js\?v=\w{8}" data-page="[\w-]{43}"(?: nonce="([\w+/=-]+)")?></script>'
)
NAVIGATION = ((b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))
BLOCKING = b"script-src cdn.example; connect-src 'self'"
Fields = Sequence[tuple[bytes, bytes]]


@dataclass
class Upstream:
    """A site of one page with the fields that a test wants it to have."""

    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = PAGE
    status: int = 200
    asked: list[dict[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("no lifespan")
        self.asked.append(dict(scope["headers"]))
        body = b"" if self.status == 304 or scope["method"] == "HEAD" else self.body
        length = [] if self.status == 304 else [(b"content-length", b"%d" % len(self.body))]
        headers = [(b"content-type", b"text/html; charset=utf-8"), *length, *self.fields]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


@contextlib.contextmanager
def before(where: Path, site: Upstream, csp: Any = "extend") -> Iterator[Shop]:
    config = Config(base=where, inject=Inject(csp=csp), site=Site(public_origin="https://shop.example"))
    with shop(config, site) as there:
        yield there


def asks(there: Shop, *fields: tuple[bytes, bytes], method: bytes = b"GET", path: bytes = b"/one") -> Answer:
    return there.request(method, path, [*NAVIGATION, *fields])


def nonce_of(answer: Answer) -> bytes | None:
    """The nonce of the page's tag, "" of one without; None where there is no tag."""
    found = TAG.search(answer.body)
    return None if found is None else found[1] or b""


def blocked(there: Shop) -> list[tuple[str, str, str, int]]:
    with contextlib.closing(SqliteQuestions(there.config.store_path)) as reader:
        return [(row.host, row.path, row.reason, row.views) for row in reader.blocked(0, 99_999, 100).rows]


def test_extended_a_page_gets_a_fresh_nonce_in_its_policy_and_on_its_tag(tmp_path):
    site = Upstream([(CSP, BLOCKING)])
    with before(tmp_path, site) as there:
        answers = [asks(there) for _ in range(20)]
    nonces = {nonce_of(answer) for answer in answers}
    assert len(nonces) == 20
    for answer in answers:
        nonce = nonce_of(answer)
        assert nonce and len(base64.urlsafe_b64decode(nonce)) >= 16
        assert answer.get(CSP) == b"script-src cdn.example 'nonce-%b'; connect-src 'self'" % nonce
        assert TAG.sub(b"", answer.body) == site.body
        assert answer.get(b"content-length") == b"%d" % len(answer.body)


def test_extended_every_field_that_needs_it_gets_the_same_nonce_and_all_others_keep_their_bytes(tmp_path):
    policies = [
        (CSP, b"default-src  'none';connect-src *, frame-ancestors 'none'"),
        (b"x-frame-options", b"DENY"),
        (CSP, b"script-src 'self'"),
        (CSP + b"-report-only", b"script-src 'none'"),
        (CSP, b"script-src 'nonce-abc'"),
    ]
    with before(tmp_path, Upstream(policies)) as there:
        answer = asks(there)
    nonce = nonce_of(answer)
    assert nonce and nonce != b"abc"
    kept = [(name, value) for name, value in answer.fields if name in dict(policies)]
    assert kept == [
        (CSP, b"default-src  'none'; script-src 'nonce-%b';connect-src *, frame-ancestors 'none'" % nonce),
        (b"x-frame-options", b"DENY"),
        (CSP, b"script-src 'self'"),
        (CSP + b"-report-only", b"script-src 'none'"),
        (CSP, b"script-src 'nonce-abc' 'nonce-%b'" % nonce),
    ]


def test_extended_a_coded_page_gets_it_too(tmp_path):
    site = Upstream([(CSP, BLOCKING), (b"content-encoding", b"gzip")], gzip.compress(PAGE))
    with before(tmp_path, site) as there:
        answer = asks(there, (b"accept-encoding", b"gzip"))
    answer.body = gzip.decompress(answer.body)
    nonce = nonce_of(answer)
    assert nonce and b"'nonce-%b'" % nonce in (answer.get(CSP) or b"")


UNTOUCHED = [
    (b"script-src 'self'", b""),
    (b"script-src 'nonce-abc'", b"abc"),
    (b"script-src 'unsafe-inline'", None),
    (b"default-src 'none'", None),
    (b"script-src 'none'; connect-src 'none'", None),
    (b"script-src 'none'; sandbox", None),
]


@pytest.mark.parametrize(("policy", "nonce"), UNTOUCHED)
def test_extended_a_policy_that_needs_no_nonce_or_is_not_cured_by_one_is_left_alone(tmp_path, policy, nonce):
    site = Upstream([(CSP, policy), (b"etag", b'"x"')])
    with before(tmp_path, site) as there:
        answer = asks(there)
    assert answer.get(CSP) == policy and nonce_of(answer) == nonce
    assert answer.get(b"etag") == (b'"x"' if nonce is None else b'W/"x~ff"')
    assert TAG.sub(b"", answer.body) == site.body


def test_respected_no_policy_is_changed(tmp_path):
    with before(tmp_path, Upstream([(CSP, BLOCKING)]), "respect") as there:
        answer = asks(there)
    assert (answer.get(CSP), nonce_of(answer)) == (BLOCKING, None)


# What browsers keep ------------------------------------------------------------------------------------------------

SINCE = b"Tue, 15 Nov 1994 12:45:26 GMT"
VALIDATORS = [
    ((b"etag", b'"x"'), b'W/"x~ffn"'),
    ((b"etag", b'W/"x"'), b'W/"x~ffwn"'),
    ((b"last-modified", SINCE), b'W/"lm-784903526~ffn"'),
]


@pytest.mark.parametrize(("validator", "etag"), VALIDATORS)
def test_extended_a_copy_is_never_revalidated_so_that_no_nonce_is_shown_twice(tmp_path, validator, etag):
    site = Upstream([(CSP, BLOCKING), validator])
    with before(tmp_path, site) as there:
        first = asks(there)
        assert first.get(b"etag") == etag
        cookie = (first.get(b"set-cookie") or b"").partition(b";")[0]
        for who in ((b"cookie", cookie), (b"cookie", cookie + b"; footfall_consent=out"), (b"sec-gpc", b"1")):
            asks(there, who, (b"if-none-match", etag), (b"if-modified-since", SINCE))
            assert not {b"if-none-match", b"if-modified-since"} & site.asked[-1].keys(), who
        # An editor's PUT names the copy that it has read (C1).
        asks(there, (b"if-match", etag), method=b"PUT")
        if validator[0] == b"etag":
            assert site.asked[-1][b"if-match"] == validator[1]


def test_extended_never_on_a_304(tmp_path):
    site = Upstream([(CSP, BLOCKING), (b"etag", b'"x"')], status=304)
    with before(tmp_path, site) as there:
        answer = asks(there, (b"if-none-match", b'W/"x~ff"'))
    assert (answer.status, answer.get(CSP), answer.body) == (304, BLOCKING, b"")


def test_extended_a_head_is_like_its_get(tmp_path):
    with before(tmp_path, Upstream([(CSP, BLOCKING), (b"etag", b'"x"')])) as there:
        answer = asks(there, method=b"HEAD")
    assert answer.get(b"etag") == b'W/"x~ffn"'
    assert re.fullmatch(rb"script-src cdn\.example 'nonce-[\w-]{24}'; connect-src 'self'", answer.get(CSP) or b"")


# What is told of it ------------------------------------------------------------------------------------------------


def page(head: str) -> bytes:
    return (HEAD + head + "<link rel=x></head><body>hello</body></html>").encode()


TOLD = [
    ("respect", b"script-src 'none'", "", "script-src blocks the tag"),
    ("respect", b"connect-src 'none'", "", "connect-src blocks the collector"),
    ("respect", b"sandbox", "", "sandbox without allow-same-origin and allow-scripts"),
    ("respect", b"script-src https://shop.example/_footfall/t.js", "", "script-src blocks the tag's part for forms"),
    ("respect", b"", META.format("script-src 'none'"), "meta: script-src blocks the tag"),
    ("extend", b"script-src 'unsafe-inline'", "", "script-src relies on 'unsafe-inline'"),
    ("extend", b"connect-src 'none'", "", "connect-src blocks the collector"),
    ("extend", b"", META.format("script-src 'none'"), "meta: script-src blocks the tag"),
    ("extend", BLOCKING, META.format("script-src 'nonce-a'"), "meta: policies with different nonces"),
    ("extend", BLOCKING, META.format("script-src 'self'"), None),
    ("extend", BLOCKING, "", None),
    ("respect", b"script-src 'self'", "", None),
    ("respect", b"", "", None),
]


@pytest.mark.parametrize(
    ("csp", "policy", "head", "reason", "coded"),
    [*((*told, False) for told in TOLD), *((*told, True) for told in TOLD if told[2])],
)
def test_a_visit_without_its_tag_is_counted_by_page_and_reason(tmp_path, csp, policy, head, reason, coded):
    body = page(head)
    site = Upstream([(CSP, policy)] if policy else [], body)
    if coded:
        site.fields.append((b"content-encoding", b"gzip"))
        site.body = gzip.compress(body)
    with before(tmp_path, site, csp) as there:
        for _ in range(3):
            answer = asks(there, (b"accept-encoding", b"gzip"), path=b"/one?token=secret")
        assert ((gzip.decompress(answer.body) if coded else answer.body) == body) == (reason is not None)
        assert eventually(lambda: there.outcomes().get("visit") == 3)
        wanted = [] if reason is None else [("shop.example", "/one", reason, 3)]
        assert eventually(lambda: blocked(there) == wanted), blocked(there)
        assert len(there.rows()) == 3


@pytest.mark.parametrize("csp", ["respect", "extend"])
@pytest.mark.parametrize("policies", [[], [(CSP, b"script-src 'self'")], [(CSP, BLOCKING)]])
def test_a_page_that_asks_for_the_integrity_of_scripts_goes_as_it_is_and_is_counted(tmp_path, csp, policies):
    wanting = (b"integrity-policy", b"blocked-destinations=(script)")
    site = Upstream([*policies, wanting])
    with before(tmp_path, site, csp) as there:
        answer = asks(there)
        assert answer.body == site.body
        assert [field for field in answer.fields if field[0] in (CSP, wanting[0])] == site.fields
        assert eventually(lambda: there.outcomes().get("visit") == 1)
        assert blocked(there) == [("shop.example", "/one", REASON, 1)]
        site.fields = [(b"integrity-policy-report-only", wanting[1])]
        assert nonce_of(asks(there)) == b""


def test_a_page_that_is_shown_again_by_a_304_is_counted_for_the_meta_that_it_had(tmp_path):
    site = Upstream([(b"etag", b'"x"')], page(META.format("script-src 'none'")))
    with before(tmp_path, site, "respect") as there:
        wanted = [("shop.example", "/one", "meta: script-src blocks the tag", 4)]
        asks(there)
        site.status = 304
        for _ in range(3):
            assert asks(there, (b"if-none-match", b'W/"x~ff"')).status == 304
        assert eventually(lambda: blocked(there) == wanted), blocked(there)
        site.status, site.body = 200, PAGE  # the meta is gone
        assert nonce_of(asks(there)) == b""
        site.status = 304
        asks(there, (b"if-none-match", b'W/"x~ff"'))
        assert eventually(lambda: there.outcomes().get("visit") == 6)
        assert blocked(there) == wanted


def test_only_visits_are_counted_as_that(tmp_path):
    site = Upstream([(CSP, b"script-src 'none'")])
    with before(tmp_path, site, "respect") as there:
        asks(there, (b"sec-purpose", b"prefetch"))
        asks(there, (b"sec-gpc", b"1"))
        there.request(b"GET", b"/one", [(b"sec-fetch-mode", b"cors"), (b"sec-fetch-dest", b"empty")])
        asks(there, method=b"HEAD")
        site.status = 304
        asks(there, (b"if-none-match", b'W/"x~ff"'))
        site.status = 200
        asks(there)
        assert eventually(lambda: there.outcomes().get("visit") == 2)
        assert blocked(there) == [("shop.example", "/one", "script-src blocks the tag", 1)]


def test_where_forms_are_not_captured_nobody_asks_for_their_script(tmp_path):
    site = Upstream([(CSP, b"script-src https://shop.example/_footfall/t.js")])
    with before(tmp_path, site, "respect") as there:
        config = replace(there.config, capture=replace(there.config.capture, forms=False), base=tmp_path / "other")
    (tmp_path / "other").mkdir()
    with shop(config, site) as there:
        assert nonce_of(asks(there)) == b""
