"""What is kept of an address: the network that it is in, and never more."""

import pytest

from proxy.events.addresses import masked

CASES = [
    ("203.0.113.9", "203.0.113.0/24"),
    ("203.0.113.0/24", "203.0.113.0/24"),
    ("10.255.255.255/8", "10.255.255.0/24"),
    ("127.0.0.1", "127.0.0.0/24"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
    ("2001:DB8:0001::/48", "2001:db8:1::/48"),
    ("::1", "::/48"),
    ("fe80::1%eth0", "fe80::/48"),
    ("::ffff:203.0.113.9", "203.0.113.0/24"),
    ("::ffff:cb00:7109", "203.0.113.0/24"),
    ("2002:cb00:7109::1", "203.0.113.0/24"),
    ("2002:cb00:7109::/48", "203.0.113.0/24"),
    ("", ""),
    ("unknown", ""),
    ("_hidden", ""),
    ("203.0.113.9:443", ""),
    ("[2001:db8::1]", ""),
    ("203.0.113.9.9", ""),
    ("203.0.113.9\n", ""),
    ("/run/footfall.sock", ""),
]


@pytest.mark.parametrize(("address", "network"), CASES)
def test_of_an_address_the_network_is_kept(address, network):
    assert masked(address) == network and masked(network) == network
