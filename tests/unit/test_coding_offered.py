"""What is offered upstream of what the visitor accepts, and which answers are decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.coding.offered import CODINGS, coding_of, narrow_accept_encoding


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((name, True) for name in (b"gzip", b" GZip ", b"x-gzip", b"deflate", b"br", b"BR", b"zstd")),
        *((name, False) for name in (b"gzip, gzip", b"gzip, br", b"br,br", b"compress", b"dcb", b"dcz", b"raw", b"")),
    ],
)
def test_e2_only_a_single_known_coding_is_decoded(value: bytes, expected: bool) -> None:
    assert (coding_of(value) is not None) == expected


@pytest.mark.parametrize(
    ("value", "narrowed"),
    [
        (None, None),
        (b"gzip, deflate, br, zstd", b"gzip, deflate, br, zstd"),
        (b"gzip, deflate, br, zstd, dcb, dcz", b"gzip, deflate, br, zstd"),
        (b"gzip", b"gzip"),
        (b"GZIP ; q=0.5 ,compress", b"GZIP ; q=0.5"),
        (b"gzip , identity;q=0.1", b"gzip , identity;q=0.1"),
        (b"br", b"br"),
        (b"Br;q=0.9,zstd;q=0.8", b"Br;q=0.9,zstd;q=0.8"),
        (b"compress", b"identity"),
        (b"", b"identity"),
        (b" , ", b"identity"),
        (b"identity", b"identity"),
        (b"*", b"gzip, deflate, br, zstd"),
        (b"*;q=0.3, br", b"gzip;q=0.3, deflate;q=0.3, zstd;q=0.3, br"),
        (b"br, gzip;q=0.8, *;q=0.1", b"br, gzip;q=0.8, deflate;q=0.1, zstd;q=0.1"),
        (b"gzip, deflate, br, zstd, *;q=0.1", b"gzip, deflate, br, zstd"),
        (b"x-gzip, *", b"x-gzip, deflate, br, zstd"),
        (b"br;q=1.0, gzip;q=0", b"br;q=1.0, gzip;q=0"),
        (b"gzip;q=0, *", b"gzip;q=0, deflate, br, zstd"),
        (b"gzip, *;q=0", b"gzip, *;q=0"),
        (b"compress, gzip, *;q=0", b"gzip, *;q=0"),
        (b"compress, identity;q=0", b"compress, identity;q=0"),
        (b"compress, *;q=0", b"compress, *;q=0"),
        (b"compress, br;q=0, identity;q=0.0", b"compress, br;q=0, identity;q=0.0"),
        (b"compress, identity, *;q=0", b"identity, *;q=0"),
        (b"compress, br, identity;q=0", b"br, identity;q=0"),
        (b"compress, *;q=0.5, identity;q=0", b"gzip;q=0.5, deflate;q=0.5, br;q=0.5, zstd;q=0.5, identity;q=0"),
        (b"x-gzip, compress", b"x-gzip"),
        (b"gzip;q=0.001, compress", b"gzip;q=0.001"),
    ],
)
def test_e1_accept_encoding_is_narrowed_to_what_is_decoded_and_never_wider(
    value: bytes | None, narrowed: bytes | None
) -> None:
    assert narrow_accept_encoding(value) == narrowed


ELEMENT = st.builds(
    "{}{}".format,
    st.sampled_from(["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "dcb", "identity", "*"]),
    st.sampled_from(["", ";q=0", ";q=0.5", "; q=1", " ;Q=0.000"]),
)


def weights(value: bytes) -> dict[bytes, str]:
    parts = [part.strip().partition(b";") for part in value.lower().split(b",")]
    found: dict[bytes, str] = {}
    for name, _, weight in parts:
        found.setdefault(name.strip(), weight.decode().replace(" ", "").removeprefix("q=") or "1")
    return found


@given(elements=st.lists(ELEMENT, max_size=6, unique_by=lambda element: element.partition(";")[0].strip()))
def test_e1_no_offer_is_wider_than_the_visitors(elements: list[str]) -> None:
    value = ", ".join(elements).encode()
    before, after = weights(value), weights(narrow_accept_encoding(value) or b"")
    if after == before:
        return
    for name, weight in after.items():
        assert name in CODINGS or name in (b"identity", b"*")
        if name != b"identity" or name in before:
            same = before.get(b"x-gzip") if name == b"gzip" and name not in before else None
            assert same is None
            assert weight == before.get(name, before.get(b"*"))
