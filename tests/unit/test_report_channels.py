"""Where sessions come from, by referrer and campaign."""

import pytest

from proxy.report.channels import Source, channel_of, merge
from proxy.store.questions import SourceRow

HOST = "www.shop.example"


@pytest.mark.parametrize(
    ("referrer", "channel"),
    [
        (None, "direct"),
        ("www.google.com", "search"),
        ("www.google.co.uk", "search"),
        ("google.pl", "search"),
        ("duckduckgo.com", "search"),
        ("search.yahoo.com", "search"),
        ("search.brave.com", "search"),
        ("www.bing.com:443", "search"),
        ("mail.google.com", "referral"),
        ("google.com.evil.example", "referral"),
        ("notgoogle.com", "referral"),
        ("l.facebook.com", "social"),
        ("t.co", "social"),
        ("old.reddit.com", "social"),
        ("news.ycombinator.com", "social"),
        ("x.com", "social"),
        ("fx.com", "referral"),
        ("blog.example", "referral"),
        ("shop.example", "internal"),
        ("www.shop.example:8080", "internal"),
        ("WWW.SHOP.EXAMPLE", "internal"),
        ("evilshop.example", "referral"),
        ("127.0.0.1:8080", "referral"),
        ("localhost", "referral"),
        (":", "referral"),
        ("..", "referral"),
    ],
)
def test_a_referrer_without_a_campaign_is_known_by_its_host(referrer, channel):
    assert channel_of(referrer, HOST, None, None, None) == channel


def test_a_campaign_comes_before_the_referrer():
    assert channel_of("www.google.com", HOST, "ad", None, None) == "campaign"
    assert channel_of("shop.example", HOST, None, None, "spring") == "campaign"
    assert channel_of(None, HOST, None, "email", None) == "campaign"


def test_rows_of_one_source_are_put_together_and_the_sites_own_pages_are_no_source():
    rows = [
        SourceRow("www.blog.example", None, None, None, HOST, 2),
        SourceRow("blog.example", None, None, None, HOST, 3),
        SourceRow(None, None, None, None, HOST, 4),
        SourceRow("blog.example", "letter", "email", "spring", HOST, 1),
        SourceRow(None, "letter", "email", "spring", HOST, 1),
        SourceRow(None, None, None, "spring", HOST, 1),
        SourceRow(HOST, None, None, None, HOST, 7),
    ]
    assert merge(rows) == (
        (
            Source("referral", "blog.example", None, 5),
            Source("direct", "direct", None, 4),
            Source("campaign", "letter / email", "spring", 2),
            Source("campaign", "campaign", "spring", 1),
        ),
        7,
    )
