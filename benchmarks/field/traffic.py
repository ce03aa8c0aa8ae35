"""The rows of the matrix: what is asked of every proxy of the field.

Law: a request is one that a browser (or a crawler) sends; what it costs the one who asks is not counted.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.field.origin import FORM, GZIPPED
from benchmarks.field.peers import FILTER, GZIP
from benchmarks.load import ARRIVING, INSIDE, Fields, Request
from benchmarks.load import IMAGE as IMAGE_FIELDS
from benchmarks.rows import BEACON, PAGE, TEN, Row
from benchmarks.servers import IMAGE, LARGE, MEDIUM, SMALL

FORM_BYTES = 10_000
POSTED: Fields = (
    *INSIDE,
    ("cache-control", "max-age=0"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("origin", "http://{authority}"),
)
CRAWLER: Fields = (
    ("accept", "text/html,application/xhtml+xml,application/signed-exchange;v=b3,application/xml;q=0.9,*/*;q=0.8"),
    ("from", "googlebot(at)googlebot.com"),
    ("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    ("accept-encoding", "gzip, deflate, br"),
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A row.

    Args:
        key: its name for `--row`.
        row: what is asked, and what of it footfall stores.
        share: this part of the requests, each being as many times longer.
        reference: the key of the peer that the others are compared with.
        conditional: asked with the ETag that the subject gave.
        one_visitor: whoever sends it, it is one.
        posts: a form goes with it.
    """

    key: str
    row: Row
    share: int = 1
    reference: str = FILTER
    conditional: bool = False
    one_visitor: bool = False
    posts: bool = False

    @property
    def title(self) -> str:
        return self.row.title

    def with_body(self, form: Path) -> "Traffic":
        return replace(self, row=replace(self.row, request=replace(self.row.request, body=form)))


ROWS = (
    Traffic("7k", Row("7 KB page", "", PAGE, True, 1)),
    Traffic("58k", Row("58 KB page", "", Request(MEDIUM, INSIDE), True, 1), share=2),
    Traffic("755k", Row("755 KB page", "", Request(LARGE, INSIDE), True, 1), share=16),
    Traffic("gzip", Row("58 KB, gzipped", "", Request(GZIPPED + MEDIUM, INSIDE), True, 1), share=4, reference=GZIP),
    Traffic("image", Row("100 KB image", "", Request(IMAGE, IMAGE_FIELDS), True, 0), share=2),
    Traffic("304", Row("304", "", Request(SMALL, INSIDE, statuses=300), True, 1), conditional=True),
    Traffic("post", Row("POST of 10 KB", "", Request(FORM, POSTED), True, 0), posts=True),
    Traffic("first", Row("first visits", "", Request(SMALL, ARRIVING), False, 1)),
    Traffic("bot", Row("a bot", "", Request(SMALL, CRAWLER), False, 1), one_visitor=True),
    Traffic("collector", Row("ten events", "", BEACON, True, 0, events=TEN.events), share=4),
)


def chosen(words: Sequence[str], where: Path) -> list[Traffic]:
    """Those that these words name, all where there are none; what is posted is written there."""
    form = where / "form"
    form.write_bytes(posted())
    return [one.with_body(form) if one.posts else one for one in ROWS if not words or one.key in words]


def posted() -> bytes:
    """A form as a browser sends it; the same at every run."""
    source = random.Random(2)
    text = "".join(source.choice("abcdefghijklmnopqrstuvwxyz+") for _ in range(FORM_BYTES))
    return f"subject=A+question&text={text}"[:FORM_BYTES].encode()
