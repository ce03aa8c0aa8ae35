"""Heads that wait for their body: let go in time, whatever becomes of them."""

import asyncio
import gc

from proxy.tracking.heads import TICK_SECONDS, HeldHeads


class Gone:
    """The head of a visitor who has left: sending it fails, as ASGI lets it."""

    def __init__(self) -> None:
        self.asked = 0

    async def let_go(self) -> None:
        self.asked += 1
        raise OSError("the visitor has left")


def test_a_head_that_cannot_be_sent_any_more_is_nobodys_error():
    complaints: list[object] = []

    async def story() -> int:
        asyncio.get_running_loop().set_exception_handler(lambda loop, said: complaints.append(said))
        heads, gone = HeldHeads(), Gone()
        heads.add(gone)
        await asyncio.sleep(4 * TICK_SECONDS)
        del heads
        gc.collect()
        return gone.asked

    assert asyncio.run(story()) == 1
    assert complaints == []
