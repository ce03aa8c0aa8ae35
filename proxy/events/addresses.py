"""Network addresses, as far as any is ever kept: the network that somebody comes from, never the address in it.

Law: pure; what leaves this module is a network of IPV4_BITS or IPV6_BITS, or nothing (EVENTS.md section 5).
"""

from ipaddress import IPv6Address, ip_interface, ip_network

IPV4_BITS = 24
"""Of 32: a few hundred people at least."""
IPV6_BITS = 48
"""Of 128: what a site is given, or many households (RFC 6177)."""


def masked(address: str) -> str:
    """The network of an address, such as `203.0.113.0/24`; of a network the same. An IPv4 address that is written as
    IPv6 is IPv4, and so is one that a 6to4 network is made of, whose first 48 bits have all of it (RFC 3056). '' of
    anything else, such as the '' of whoever connects to a unix socket."""
    try:
        known = ip_interface(address.partition("%")[0]).ip
    except ValueError:
        return ""
    if isinstance(known, IPv6Address):
        inside = known.ipv4_mapped or known.sixtofour
        if inside is None:
            return str(ip_network((int(known), IPV6_BITS), strict=False))
        known = inside
    return str(ip_network((int(known), IPV4_BITS), strict=False))
