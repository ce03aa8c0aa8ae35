"""Who is let in, and as whom he is counted."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from proxy.http.limits import Crowd, Limits

ADDRESSES = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "10.0.0.1", ""]


def crowd(**limits: int) -> Crowd:
    return Crowd(Limits(**limits), (ip_network("10.0.0.0/8"),))


def test_t6_there_is_room_for_so_many_and_again_when_one_leaves() -> None:
    room = crowd(connections=2)
    first, second = room.enter("192.0.2.1"), room.enter("192.0.2.2")
    assert room.enter("192.0.2.3") is None
    room.leave(None)
    assert room.enter("192.0.2.3") is None
    room.leave(first)
    assert room.enter("192.0.2.3") == "192.0.2.3"
    room.leave(second)
    assert repr(room) == "<Crowd 1 of 1 addresses>"


def test_t6_an_address_has_its_share_and_a_64_is_one_address() -> None:
    room = crowd(connections_per_address=2)
    assert room.enter("2001:db8::1") == room.enter("2001:db8::2") == "2001:db8::/64"
    assert room.enter("2001:db8::3") is None
    assert room.enter("2001:db8:0:1::1") is not None
    assert room.enter("::ffff:192.0.2.1") == room.enter("192.0.2.1") == "192.0.2.1"
    assert room.enter("192.0.2.1") is None


def test_t6_a_trusted_front_and_a_socket_without_address_count_only_in_all() -> None:
    room = crowd(connections=5, connections_per_address=1)
    assert [room.enter("10.0.0.1"), room.enter("10.0.0.1"), room.enter(""), room.enter("::ffff:10.0.0.1")] == [""] * 4
    assert room.enter("192.0.2.1") is not None
    assert room.enter("10.0.0.1") is None


def test_t6_no_limit_by_address_is_none() -> None:
    room = crowd(connections_per_address=0)
    assert [room.enter("192.0.2.1") for _ in range(2_000)] == [""] * 2_000


@given(st.lists(st.tuples(st.sampled_from(ADDRESSES), st.booleans()), max_size=60))
def test_t6_whatever_comes_and_goes_nobody_is_forgotten(steps: list[tuple[str, bool]]) -> None:
    room, inside = crowd(connections=6, connections_per_address=2), []
    for address, comes in steps:
        if comes:
            place = room.enter(address)
            inside += [] if place is None else [place]
        elif inside:
            room.leave(inside.pop())
        assert len(inside) <= 6 and all(inside.count(place) <= 2 for place in inside if place)
    for place in inside:
        room.leave(place)
    assert repr(room) == "<Crowd 0 of 0 addresses>"
