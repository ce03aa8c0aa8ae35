"""Which pages of a site are read, in which order and how far; where links lead; and what is said of it all."""

import io
import json

import pytest

from proxy.audit.crawling import MOST_REDIRECTS, Answer, Unreachable, Unreadable, crawl
from proxy.audit.findings import Code, Mistake
from proxy.audit.links import acts, is_file, resolved
from proxy.audit.reading import read_page
from proxy.audit.summary import Place, summarise
from proxy.audit.words import as_json, in_words
from proxy.events.shipped import SHIPPED
from proxy.paper import columns_of

SITE = "http://shop.example"


class Pages:
    """A site of a few pages: text, (`location`,), or why it cannot be read."""

    def __init__(self, **pages):
        self.pages = {f"{SITE}/{path}": page for path, page in pages.items()}
        self.asked = []

    def __call__(self, url):
        self.asked.append(url.removeprefix(SITE))
        page = self.pages.get(url)
        if page is None:
            raise Unreadable("404 Not Found")
        if isinstance(page, Unreadable):
            raise page
        return Answer("", page[0]) if isinstance(page, tuple) else Answer(page)


def site(pages, start=f"{SITE}/", most=50, at=lambda title, done, total: None):
    return crawl(start, pages, lambda text: read_page(text, SHIPPED), most=most, prefix="/_footfall", at=at)


def links(*targets):
    return "".join(f'<a href="{target}">go</a>\n' for target in targets)


def test_pages_of_the_site_are_read_once_each_and_nothing_else_is_asked_for():
    home = links(
        "a", "/a#part", "./a", "HTTP://SHOP.EXAMPLE:80/a", "//shop.example/b", "a\nb", "/c d?e=é", "?q=1",
        "https://shop.example/", "http://shop.example:8080/", "http://other.example/", "//other.example/x",
        "http://me@shop.example/", "mailto:a@b", "javascript:x()", "tel:1", "http://[x", "http://shop.example:x/",
        "/_footfall/t.js", "/_footfall", "/photo.JPG", "/paper.pdf", "/x" * 2_000, "#top",
    )  # fmt: skip
    pages = Pages(**{"": home, "a": "", "b": "", "ab": "", "c%20d?e=%C3%A9": "", "?q=1": ""})
    told = site(pages)
    assert pages.asked == ["/", "/a", "/b", "/ab", "/c%20d?e=%C3%A9", "/?q=1"]
    assert [page.url.removeprefix(SITE) for page in told.pages] == pages.asked and not told.unread


def test_what_would_do_something_is_left_alone_and_listed():
    home = (
        links(
            "/logout", "/a?action=delete&id=3", "/users/sign_out", "/shop?add-to-cart=12", "/kündigen", "/accountDelete"
        )
        + '<a href="/x"> Log out</a><a href="/y" data-method="delete">z</a><a href="/file" download>f</a>'
        + '<a href="/z" onclick="return confirm(1)">w</a>'
        + '<a href="/blog/pins-and-cards">How to delete cookies</a>'
        + '<a href="/logos">Logos</a>'
    )
    pages = Pages(**{"": home, "blog/pins-and-cards": "", "logos": ""})
    told = site(pages)
    assert [(one.line, one.url.removeprefix(SITE)) for one in told.avoided][:2] == [
        (1, "/logout"),
        (2, "/a?action=delete&id=3"),
    ]
    assert len(told.avoided) == 9 and pages.asked == ["/", "/blog/pins-and-cards", "/logos"]


def test_a_new_path_comes_before_another_query_of_a_known_one_and_the_limit_holds():
    pages = Pages(**{"": links(*[f"/day?d={n}" for n in range(40)], "/a"), "a": links("/b"), "b": ""})
    pages.pages |= {f"{SITE}/day?d={n}": links(f"/day?d={n + 40}") for n in range(10_000)}
    seen = []
    told = site(pages, most=9, at=lambda title, done, total: seen.append((done, total)))
    assert pages.asked == ["/", "/day?d=0", "/a", "/b", "/day?d=1", "/day?d=2", "/day?d=3", "/day?d=4", "/day?d=5"]
    assert told.known == 40 and len(told.pages) == 9
    assert seen[0] == (0, 1) and seen[-1] == (8, 9)


def test_pages_that_cannot_be_read_are_listed_with_the_link_to_them():
    pages = Pages(**{"": "\n" + links("/gone", "/big"), "big": Unreadable("larger than 2 MiB")})
    told = site(pages)
    assert [(one.url, one.why, one.page, one.line) for one in told.unread] == [
        (f"{SITE}/gone", "404 Not Found", f"{SITE}/", 2),
        (f"{SITE}/big", "larger than 2 MiB", f"{SITE}/", 3),
    ]


def test_redirects_are_followed_within_the_site_and_not_for_ever():
    home = links("/old", "/loop", "/off", "/out", "/no", "/back", "/1")
    pages = Pages(
        **{
            "": home, "old": ("new",), "new": "<i data-track=N></i>", "loop": ("/loop",), "back": ("/",),
            "off": ("https://other.example/",), "out": ("/logout",), "no": ("mailto:a@b",),
            **{str(n): (f"/{n + 1}",) for n in range(1, 20)},
        }
    )  # fmt: skip
    told = site(pages)
    assert [page.url.removeprefix(SITE) for page in told.pages] == ["/", "/new"]
    assert [(one.url.removeprefix(SITE), one.why) for one in told.unread] == [
        ("/loop", f"redirects more than {MOST_REDIRECTS} times"),
        ("/off", "redirects off the site, to https://other.example/"),
        ("/out", 'redirects to an address with "logout" in it: /logout'),
        ("/no", "redirects to no address"),
        ("/1", f"redirects more than {MOST_REDIRECTS} times"),
    ]


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        ("/shop/", ["/", "/shop/a", "/b"]),
        ("http://shop.example/x/y", ["/", "/x/a", "/b"]),
        ("https://other.example/", ["/"]),
        ("http://[x", ["/", "/a", "/b"]),
    ],
)
def test_links_are_resolved_against_the_base(base, asked):
    pages = Pages(
        **{"": f"<base target=_top><base href='{base}'><base href=/no/>" + links("a", "/b"), "a": "", "b": ""}
    )
    site(pages)
    assert pages.asked == asked


def test_a_site_may_say_how_it_is_called_with_its_first_redirect():
    pages = Pages(**{"": ("https://www.shop.example/",)})
    pages.pages["https://www.shop.example/"] = links("/a", "http://shop.example/b")
    pages.pages["https://www.shop.example/a"] = ""
    told = site(pages)
    assert told.origin == "https://www.shop.example" and len(told.pages) == 2
    with pytest.raises(Unreachable, match="redirects off the site, to http:"):
        site(Pages(**{"": ("http://other.example/",)}))
    with pytest.raises(Unreachable, match="404 Not Found"):
        site(Pages())


@pytest.mark.parametrize(
    ("href", "meant"),
    [
        ("../x", f"{SITE}/x"),
        (" \n/a\tb ", f"{SITE}/ab"),
        ("\\a\\b", f"{SITE}/a/b"),
        ("http://müller.example/ä", "http://xn--mller-kva.example/%C3%A4"),
        ("/%zz?a=%20", f"{SITE}/%zz?a=%20"),
        ("/a\x00\x1b\u202e", f"{SITE}/a%00%1B%E2%80%AE"),
        ("http://a b/", None),
        ("http://a\x1b[31m/", None),
        ("http://" + "ü" * 5_000 + "/", None),
        ("data:text/html,x", None),
    ],
)
def test_an_address_is_what_browsers_make_of_it_or_nothing(href, meant):
    assert resolved(f"{SITE}/a/", href) == meant


def test_files_and_acts_are_told_from_pages():
    assert is_file("http://a/b.PDF?x") and not is_file("http://a.zip/") and not is_file("http://a/b.html")
    assert not acts("http://a/cardigans?size=l", "Log cabins") and acts("http://a/", "sign out") == "sign out"


# What is said ----------------------------------------------------------------------------------------------------


def menu(extra=""):
    return "<nav>\n<a href=/a data-track=A data-track-as=baner></a></nav><a href=/b></a><a href=/gone></a>" + extra


def test_what_is_on_several_pages_is_told_once_and_two_on_one_page_stay_two():
    twice = "<i data-track-x></i>\n<i data-track-x></i>"
    told = summarise(site(Pages(**{"": menu(), "a": "\n" + menu(twice), "b": menu(twice)})))
    assert [(one.what.code, one.places) for one in told.mistakes] == [
        (Code.UNKNOWN_WORD, (Place("/", 2), Place("/a", 3), Place("/b", 2))),
        (Code.UNKNOWN_ATTRIBUTE, (Place("/a", 3), Place("/b", 2))),
        (Code.UNKNOWN_ATTRIBUTE, (Place("/a", 4), Place("/b", 3))),
    ]
    assert [one.places for one in told.elements] == [(Place("/", 2), Place("/a", 3), Place("/b", 2))]


def test_the_json_has_everything_and_is_ascii():
    form = "<form data-track-form=f>\n<input data-track-field=é data-track-send=filled></form><form id=g><input name=h>"
    told = json.loads(as_json(summarise(site(Pages(**{"": menu(form) + "<a href=/logout></a>", "a": "", "b": ""})))))
    assert told["site"] == SITE and told["pages"] == ["/", "/a", "/b"]
    assert told["mistakes"] == [
        {
            "code": "unknown_word",
            "subject": "baner",
            "message": 'data-track-as says "baner": did you mean banner?',
            "places": [{"page": "/", "line": 2}],
        }
    ]
    assert told["elements"][0] | {"places": []} == {
        "name": "A", "context": "baner", "events": ["baner.click", "baner.hover"], "places": [],
    }  # fmt: skip
    assert told["forms"][0]["fields"] == [{"name": "é", "sends": "filled", "of": 1}]
    assert told["suggestions"][0]["fields"] == [{"name": "h", "filled_only": False}]
    assert told["unread"] == [
        {"page": "/gone", "why": "404 Not Found", "linked_from": {"page": "/", "line": 2}},
    ]
    assert told["left_alone"][0]["page"] == "/logout"
    assert as_json(summarise(site(Pages(**{"": form})))).isascii()


@pytest.mark.parametrize("width", [20, 60, 80, 300])
@pytest.mark.parametrize("colour", [False, True])
def test_nothing_of_the_site_moves_the_cursor_or_leaves_the_width(width, colour):
    evil = "\x1b[2J\x9b31m\r\n\u202e\u2028\x07漢字" * 3
    page = (
        f"<i data-track='{evil}' data-track-as='{evil}'></i><i data-track-{evil.split()[0]}></i>"
        f"<form data-track-form='{evil}'><input data-track-field='{evil}'></form>"
        f"<form id=x{evil}><input name='y{evil}'></form><a href='/{evil}'>x</a><a href='/logout?{evil}'></a>"
        f"<script>footfall.event('{evil.splitlines()[0]}')</script>" + "<i data-track-zzz></i>" * 3
    )
    lines = list(in_words(summarise(site(Pages(**{"": page}))), width=width, colour=colour))
    most = max(60, min(width, 100))
    for line in lines:
        plain = line
        for code in ("\033[0m", "\033[1m", "\033[2m", "\033[32m"):
            assert colour or code not in line
            plain = plain.replace(code, "")
        assert plain.isprintable(), repr(plain)
        assert sum(map(columns_of, plain)) <= most, plain
    assert len(lines) > 20


def test_the_terminal_names_page_line_and_what_is_right():
    told = summarise(site(Pages(**{"": menu(), "a": menu("<form id=news><input name=mail>"), "b": ""})))
    text = "\n".join(in_words(told, width=80, colour=False))
    assert "Mistakes                   1" in text
    assert '  /\n       2  data-track-as says "baner": did you mean banner?\n          also on /a:2' in text
    assert 'data-track-form="news"' in text and 'data-track-field="mail" data-track-send="filled"' in text
    assert "/gone" in text and "404 Not Found" in text and "linked to from /:2" in text


def test_much_is_cut_and_said_so():
    told = summarise(site(Pages(**{"": "<i data-track=a data-track-zz></i>" * 1_000})))
    text = io.StringIO("\n".join(in_words(told, width=80, colour=False))).read()
    assert "and 801 more on pages that have too many to tell" in text and "and 800 more (--json has them)" in text
    assert isinstance(told.mistakes[0].what, Mistake)
