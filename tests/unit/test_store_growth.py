"""Conformance of a store, 5: what a batch costs grows as the batch does, and not with what its visitors did before.

CPU time, and ratios of it: of two sizes, the larger one four times or more the other. What looks through all of a batch
for each of its items would cost the square of that.
"""

import time

import pytest
from stories import HOST, HOUR, SECOND, confirm, does, page, sends, visit

TIMES = 4
MOST = 8
"""Times the CPU of a batch that is four times as large: twice of what is due, half of a square."""
TURNS = 3
RUNS = 3


def cost(write, *batches) -> float:
    """The least of what some batches of a kind cost."""
    costs = []
    for batch in batches:
        begun = time.thread_time()
        write(batch)
        costs.append(time.thread_time() - begun)
    return min(costs)


def clicks(run: int, number: int):
    """Of one visitor, in messages of 50."""
    acts = [does("link.click", f"E{run}.{number}.{one}", name="Buy", ago=one) for one in range(number)]
    return [sends(page("P0"), "A", *acts[at : at + 50], at=2 * SECOND + at) for at in range(0, number, 50)]


def returning(run: int, number: int):
    """So many visitors, an hour after their last page."""
    at = (run + 1) * HOUR
    return [visit(f"P{run}.{number}.{who}", f"V{who}", at + who, came_back=True) for who in range(number)]


@pytest.mark.parametrize(("told", "number"), [(clicks, 1_000), (returning, 1_000)])
def test_a_batch_four_times_as_large_costs_about_four_times_as_much(engine, told, number):
    with engine.writer() as writer:
        writer.append([visit("P0", "A"), confirm("C0", page("P0"), "A", 1)])
        writer.append([visit(f"Q{who}", f"V{who}", who) for who in range(TIMES * number)])
        costs = []
        for turn in range(
            TURNS
        ):  # what does something else on this machine slows down one of them, not always the same
            runs = range(2 * turn * RUNS, (2 * turn + 1) * RUNS)
            small = cost(writer.append, *(told(run, number) for run in runs))
            large = cost(writer.append, *(told(run + RUNS, TIMES * number) for run in runs))
            costs.append((small, large))
            if large < MOST * small:
                return
    pytest.fail(f"small and large, in seconds: {costs}")


def test_a_page_shown_again_costs_the_same_late_in_a_long_session(engine):
    """It may be a 304, whose visit is looked for among those of the last 30 s."""
    with engine.writer() as writer:
        writer.append([visit("P0", "A"), confirm("C0", page("P0"), "A", 1)])
        costs = []
        for minutes, number in ((2, 100), (4, 8_000)):
            acts = [
                does("page.visit", f"E{minutes}.{one}", uri=f"https://{HOST}/{one % 9}", ago=60_000)
                for one in range(number)
            ]
            at = minutes * 60 * SECOND
            writer.append([sends(page("P0"), "A", *acts, does("link.click", f"E{minutes}", name="Buy"), at=at)])
            again = [[confirm(f"C{minutes}.{run}", page("P0"), "A", at + run, nav="bfcache")] for run in range(RUNS)]
            costs.append(cost(writer.append, *again))
    assert costs[1] < MOST * costs[0], costs


def test_a_page_that_comes_late_costs_the_same_in_a_long_session(engine):
    """The pages of one moment, of a browser with several tabs or of a load test, come in no order."""
    with engine.writer() as writer:
        costs = []
        for who, number in (("A", 100), ("B", 8_000)):
            pages = [visit(f"P{who}{one}", who, one, path=f"/{one % 9}", came_back=True) for one in range(number)]
            writer.append(pages)
            late = [[visit(f"L{who}{run}", who, number - 9 - run, path="/late", came_back=True)] for run in range(RUNS)]
            costs.append(cost(writer.append, *late))
    assert costs[1] < MOST * costs[0], costs
