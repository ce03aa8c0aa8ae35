"""Heads that wait for their body: let go in time, whatever becomes of them."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

from proxy.asgi import DONE
from proxy.tracking.heads import TICK_SECONDS, HeldHeads


class Gone:
    """The head of a visitor who has left: sending it fails, as ASGI lets it."""

    def __init__(self) -> None:
        self.asked = 0

    async def let_go(self) -> None:
        self.asked += 1
        raise OSError("the visitor has left")


class Held:
    """One that is let go, and waits no more."""

    def __init__(self, heads: HeldHeads) -> None:
        self.heads, self.asked = heads, 0

    def let_go(self) -> Awaitable[None]:
        self.asked += 1
        self.heads.remove(self)
        return DONE


async def until(condition: Callable[[], object]) -> None:
    """And for some ticks more, in which nothing is to happen again."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it has nothing to wait for but the time
            await asyncio.sleep(TICK_SECONDS)
    await asyncio.sleep(4 * TICK_SECONDS)


def test_all_that_wait_are_let_go_once_and_those_that_come_meanwhile_too():
    complaints: list[object] = []

    async def story() -> list[int]:
        asyncio.get_running_loop().set_exception_handler(lambda loop, said: complaints.append(said))
        heads, held = HeldHeads(), []
        for _ in range(9):
            held.append(Held(heads))
            heads.add(held[-1])
            await asyncio.sleep(TICK_SECONDS / 3)
        await until(lambda: all(one.asked for one in held))
        return [one.asked for one in held]

    assert asyncio.run(story()) == [1] * 9
    assert complaints == []


def test_a_head_that_cannot_be_sent_any_more_is_nobodys_error():
    complaints: list[object] = []

    async def story() -> int:
        asyncio.get_running_loop().set_exception_handler(lambda loop, said: complaints.append(said))
        heads, gone = HeldHeads(), Gone()
        heads.add(gone)
        await until(lambda: gone.asked)
        del heads
        gc.collect()
        return gone.asked

    assert asyncio.run(story()) == 1
    assert complaints == []
