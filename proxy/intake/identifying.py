"""Which customer a browser is: its page's script has a token that says so, or somebody has filled in a tagged field.

Law: pure, and careful: a token that is not good says nothing, and the beacon that brought it is taken all the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

from proxy.events.catalogue import Sender
from proxy.events.incoming import BrowserEvent
from proxy.intake.claims import BadToken, Verifier
from proxy.visitors.customers import Customers, Marks

SUBMIT = "form.submit"


class Bearer(NamedTuple):
    """What a beacon's token is worth: who sends it then, the customer that it names; whether it is not good."""

    sender: Sender
    customer: Marks = ()
    is_bad: bool = False


class Identifier:
    """`field`: the tagged field that has a customer's key, '' for none."""

    def __init__(self, customers: Customers, field: str, tokens: Verifier) -> None:
        self._customers = customers
        self._field = field
        self._tokens = tokens

    def bearer(self, token: str) -> Bearer:
        """What a beacon's token is worth. The visitor that it may name is passed over: the cookie is the truth."""
        if not token:
            return Bearer(Sender.BROWSER)
        try:
            claims = self._tokens.read(token)
        except BadToken:
            return Bearer(Sender.BROWSER, is_bad=True)
        return Bearer(Sender.TRUSTED_BROWSER, self._customers.marks(claims.customer))

    def named(self, bearer: Bearer, events: Sequence[BrowserEvent]) -> tuple[Marks, int]:
        """The customer, and from which of these events on."""
        if bearer.customer:
            return bearer.customer, 0
        if self._field:
            for place, event in enumerate(events):
                fields = dict(event.more).get("fields") if event.action == SUBMIT else None
                value = fields.get(self._field) if isinstance(fields, dict) else None
                if isinstance(value, str) and value.strip():
                    return self._customers.marks(value), place
        return (), 0
