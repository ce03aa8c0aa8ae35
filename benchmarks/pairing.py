"""nginx beside footfall: made to do the same to the same page, which is looked at before anything is measured."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load import ARRIVING, LoadError, Request, first_visits
from benchmarks.servers import HEAD_TAG, SMALL, Server, peer

TAG = re.compile(rb"<script[^>]*/t\.js[^>]*></script>")


@contextlib.contextmanager
def pair_of(server: Server, nginx: str, where: Path, site: Server, root: Path) -> Iterator[Server]:
    """The peer of this footfall, with a tag and a cookie like its own. `root` has the site's files.

    Raises:
        LoadError: footfall's page is not the site's with a tag, or nginx makes another one of it.
    """
    answer = first_visits(server.port, Request(SMALL, ARRIVING), 1)[0]
    tag = TAG.findall(answer.body)
    if len(tag) != 1:
        raise LoadError(f"{SMALL}: footfall's page has {len(tag)} tags of its own, not 1")
    page = (root / SMALL.lstrip("/")).read_bytes()
    if len(answer.body) != len(page) + len(tag[0]):
        raise LoadError(f"{SMALL}: footfall changed more than the tag")
    with peer(nginx, where, site, tag=tag[0].decode(), set_cookie=answer.set_cookie) as other:
        shown = first_visits(other.port, Request(SMALL, ARRIVING), 1)[0].body
        if shown != page.replace(HEAD_TAG.encode(), HEAD_TAG.encode() + tag[0], 1):
            raise LoadError(f"{SMALL}: nginx does not put in the same tag")
        yield other
