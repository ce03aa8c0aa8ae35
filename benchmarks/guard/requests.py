"""The requests that are counted: those of the benchmark's rows, as bytes."""

from dataclasses import asdict

from benchmarks import sender
from benchmarks.load import Request
from benchmarks.rows import BARE, ROWS, Row, Visitors

COUNTED = tuple(row for row in ROWS if row.subject == BARE or not row.is_reference)
"""What the table says beside nginx, and the bare proxy."""
TAGGED = "200 data-page="


def requests_of(row: Row, port: int, visitors: Visitors, number: int, seed: int) -> list[bytes]:
    """So many of a row's requests. Of beacons, another seed has other events."""
    if row.events:
        among = [asdict(one) for one in visitors.tellers]
        return sender.requests({"port": port, "seed": seed, "number": number, "among": among, "events": row.events})
    heads = [head(port, row.request, cookie) for cookie in (visitors.of_round(0) if row.returning else [""])]
    return [heads[at % len(heads)] for at in range(number)]


def expected(row: Row) -> str:
    """What every answer has to be (benchmarks/sender.py)."""
    if row.events:
        return f'202 "accepted":{row.events},'
    return TAGGED if row.visits else "200"


def head(port: int, request: Request, cookie: str) -> bytes:
    """A GET; no cookie where it is empty."""
    authority = f"127.0.0.1:{port}"
    fields = [f"{name}: {value.format(authority=authority)}" for name, value in request.fields]
    lines = (f"GET {request.path} HTTP/1.1", f"Host: {authority}", *fields, *([f"Cookie: {cookie}"] if cookie else ()))
    return "\r\n".join((*lines, "", "")).encode()
