"""What is remembered and configured of paths."""

import pytest

from proxy.page.paths import KNOWN_PATHS, Globs, KnownPaths

GLOBS = [
    (("/admin/*",), b"/admin/", True),
    (("/admin/*",), b"/admin/a/b", True),
    (("/admin/*",), b"/admin", False),
    (("/admin/*",), b"/ADMIN/a", False),
    (("/admin/*",), b"/x/admin/a", False),
    (("/a", "/b?"), b"/a", True),
    (("/a", "/b?"), b"/bc", True),
    (("/a", "/b?"), b"/b", False),
    (("/a", "/b?"), b"/ab", False),
    (("*.php",), b"/x/y.php", True),
    (("*.php",), b"/x/y.php\n", False),
    (("/[ab]",), b"/b", True),
    (("/caf%C3%A9",), b"/caf%C3%A9", True),
    (("/café",), b"/caf%C3%A9", True),
    (("/café",), b"/caf%c3%a9", True),
    (("/caf%c3%a9",), b"/caf%C3%A9", True),
    (("/café",), b"/cafe", False),
    (("/konto/wyloguj się*",), b"/konto/wyloguj%20si%C4%99/", True),
    (("/100%",), b"/100%", True),
    (("/x%",), b"/x\xff", False),
    (("/a+b",), b"/aab", False),
    ((), b"/anything", False),
]


@pytest.mark.parametrize(("patterns", "path", "expected"), GLOBS)
def test_globs_match_whole_paths_as_they_were_sent_and_are_written_as_they_are_read(patterns, path, expected):
    assert Globs(patterns).match(path) is expected


def test_a_path_is_known_by_host_and_bytes_and_by_what_it_answered_last():
    known = KnownPaths()
    assert known.is_html("a", b"/x") is None
    known.learn("a", b"/x", True)
    known.learn("a", b"/y", False)
    assert [known.is_html("a", b"/x"), known.is_html("a", b"/y"), known.is_html("b", b"/x")] == [True, False, None]
    known.learn("a", b"/x", False)
    assert known.is_html("a", b"/x") is False


def test_the_oldest_path_is_forgotten_first():
    known = KnownPaths()
    for number in range(KNOWN_PATHS):
        known.learn("a", b"/%d" % number, True)
    known.learn("a", b"/5", False)  # known already: nobody is forgotten for it
    assert known.is_html("a", b"/0") is True
    known.learn("a", b"/new", True)
    assert known.is_html("a", b"/0") is None
    assert known.is_html("a", b"/1") is True
