"""The tracked forms of a page, found as its bytes go by: whole, in pieces, bounded, whatever the page is."""

import pytest

from proxy.page.forms import NAME_MAX_CHARS, NAMES_MAX, FormNames


def found(*chunks: bytes) -> tuple[str, ...]:
    names = FormNames()
    for chunk in chunks:
        names.feed(chunk)
    return names.names


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (b"<form data-track-form=login>", ("login",)),
        (b"<form DATA-TRACK-FORM = 'log in'><p data-track-form=\"sign up\">", ("log in", "sign up")),
        (b"<form data-track-form='a &amp; b'>", ("a & b",)),
        ("<form data-track-form='żółw'>".encode(), ("żółw",)),
        (b"<form data-track-form='\xff'>", ("\N{REPLACEMENT CHARACTER}",)),
        (b"<form data-track-form=''><form data-track-form><form data-track-forms=x>", ()),
        (b"<form data-track-form='" + b"x" * 300 + b"'>", ("x" * NAME_MAX_CHARS,)),
        (b"<form data-track-form=a>" * 1000, ("a",)),
    ],
)
def test_the_names_are_those_of_the_page(page, names):
    assert found(page) == names


def test_a_name_may_be_cut_anywhere():
    page = b"<p>x</p><form method=post data-track-form='log in &amp; go'><input>"
    for place in range(len(page)):
        assert found(page[:place], page[place:]) == ("log in & go",), place
    assert found(*(page[place : place + 1] for place in range(len(page)))) == ("log in & go",)


def test_there_are_at_most_so_many():
    pages = [b"<form data-track-form=f%d>" % number for number in range(3 * NAMES_MAX)]
    assert found(*pages) == tuple(f"f{number}" for number in range(NAMES_MAX))
    assert found(b"".join(pages)) == tuple(f"f{number}" for number in range(NAMES_MAX))
