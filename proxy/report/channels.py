"""Where a session came from: its channel and its source, from the referrer's host and the utm params.

Law: pure. A campaign's own word (utm) comes before the referrer; a referrer of the site itself is no source: somebody
came back to a page that was still open.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.store.questions import SourceRow

DIRECT, SEARCH, SOCIAL, CAMPAIGN, REFERRAL, INTERNAL = "direct", "search", "social", "campaign", "referral", "internal"

CHANNELS = (DIRECT, SEARCH, SOCIAL, CAMPAIGN, REFERRAL, INTERNAL)

_SEARCH = frozenset(
    "google bing duckduckgo yahoo yandex baidu ecosia qwant startpage brave seznam naver kagi mojeek sogou".split()
)
_SOCIAL = frozenset(
    "facebook instagram linkedin twitter reddit pinterest youtube tiktok mastodon threads vk whatsapp telegram discord "
    "tumblr bsky snapchat quora".split()
)
_SOCIAL_HOSTS = frozenset(("t.co", "x.com", "lnkd.in", "youtu.be", "fb.me", "t.me", "news.ycombinator.com"))
_SEARCH_HOSTS = frozenset(("search.brave.com", "so.com", "com.google.android.googlequicksearchbox"))
_NOT_SEARCH = frozenset(("mail", "docs", "drive", "sites", "groups", "meet", "calendar", "classroom"))


@dataclass(frozen=True, slots=True)
class Source:
    """Sessions from one source: its channel, its name (a host, a campaign's source, or the channel)."""

    channel: str
    name: str
    campaign: str | None
    sessions: int


def channel_of(
    referrer: str | None, host: str | None, source: str | None, medium: str | None, campaign: str | None
) -> str:
    """The channel of a session that came from the host `referrer` to the host `host`, with these utm params."""
    if source or medium or campaign:
        return CAMPAIGN
    if not referrer:
        return DIRECT
    name = _bare(referrer)
    if host is not None and name == _bare(host):
        return INTERNAL
    labels = name.split(".")
    if name in _SOCIAL_HOSTS:
        return SOCIAL
    if name in _SEARCH_HOSTS or (_organisation(labels) in _SEARCH and labels[0] not in _NOT_SEARCH):
        return SEARCH
    return SOCIAL if _organisation(labels) in _SOCIAL else REFERRAL


def _bare(host: str) -> str:
    """Without port and www."""
    name = host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host.lower()
    return name.removeprefix("www.")


def _organisation(labels: list[str]) -> str:
    """The label that names who it is: `google` of google.co.uk and of www.google.com."""
    for label in reversed(labels[:-1]):
        if label not in ("co", "com", "net", "org", "ac", "gov", "ne", "or"):
            return label
    return labels[0]


def merge(rows: Iterable[SourceRow]) -> tuple[tuple[Source, ...], int]:
    """(sources by sessions, sessions that went on from a page of the site itself)."""
    counts: dict[tuple[str, str, str | None], int] = {}
    internal = 0
    for row in rows:
        channel = channel_of(row.referrer, row.host, row.utm_source, row.utm_medium, row.utm_campaign)
        if channel == INTERNAL:
            internal += row.sessions
            continue
        name, campaign = (_bare(row.referrer) if row.referrer else channel), None
        if channel == CAMPAIGN:
            name = " / ".join(str(part) for part in (row.utm_source, row.utm_medium) if part) or "campaign"
            campaign = None if row.utm_campaign is None else str(row.utm_campaign)
        key = (channel, name, campaign)
        counts[key] = counts.get(key, 0) + row.sessions
    ranked = sorted(counts.items(), key=lambda item: (-item[1], *(part or "" for part in item[0])))
    return tuple(Source(*key, sessions) for key, sessions in ranked), internal
