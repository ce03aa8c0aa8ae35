"""`footfall audit`: a site's pages fetched, read and summed up.

Law: asks for pages and keeps nothing. Everything that decides is in the audit room; here are its clock and its network.
"""

from collections.abc import Callable

from proxy.audit.crawling import Unreachable, crawl
from proxy.audit.fetching import READING_SECONDS, Fetcher, within
from proxy.audit.findings import Findings
from proxy.audit.links import resolved
from proxy.audit.reading import read_page
from proxy.audit.summary import Summary, summarise
from proxy.audit.words import as_json, in_words
from proxy.events.catalogue import Catalogue


def audit(
    url: str, *, catalogue: Catalogue, prefix: str, pages: int, version: str, at: Callable[[str, int, int], None]
) -> Summary:
    """What is found on the site of which `url` is a page. `catalogue`: the events that its configuration knows,
    `prefix`: the path that footfall keeps for itself there, `pages`: the most that are asked for.

    Raises:
        Unreachable: the first page cannot be read.
    """

    def read(text: str) -> Findings:
        with within(READING_SECONDS, f"looking through it took longer than {READING_SECONDS:.0f} s"):
            return read_page(text, catalogue)

    start = resolved(url, url)
    if start is None:
        raise Unreachable(f"{url} is no address of a page")
    return summarise(crawl(start, Fetcher(version).fetch, read, most=pages, prefix=prefix, at=at))


__all__ = ("Unreachable", "as_json", "audit", "in_words")
