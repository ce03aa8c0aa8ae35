"""Made-up walks: the same for the same seed, bounded, and possible in the shop as it is."""

from collections import defaultdict
from statistics import median
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from crawleruseragents import is_crawler
from test_demo_shop import ask

from proxy.demo.pages import read_page
from proxy.demo.people import DESKTOPS, PHONES
from proxy.demo.plans import Arrive, Fill, Follow, Look, Press, Reload, Submit
from proxy.demo.walks import LONGEST_MS, plan
from proxy.events.dwell import is_unusual
from proxy.visitors.lanes import judge

MANY = plan(200, 60, seed=1)


def test_a_plan_is_the_same_for_the_same_seed_and_another_one_for_another():
    assert plan(20, 60, seed=7) == plan(20, 60, seed=7)
    assert plan(20, 60, seed=7) != plan(20, 60, seed=8)


@pytest.mark.parametrize("visitors", [1, 2, 20, 1_000])
@pytest.mark.parametrize("seconds", [1, 5.5, 60])
def test_everybody_comes_in_order_and_is_gone_in_time(visitors, seconds):
    plans = plan(visitors, seconds, seed=3)
    starts = [one.start_ms for one in plans]
    assert (len(plans), starts[0]) == (visitors, 0)
    assert starts == sorted(starts)
    for one in plans:
        assert one.steps
        assert isinstance(one.steps[0].move, Arrive)
        ends = one.start_ms + sum(step.lasts_ms for step in one.steps)
        assert ends <= seconds * 1_000 or (len(one.steps) == 1 and not one.steps[0].acts)


@pytest.mark.parametrize(
    ("visitors", "seconds"), [(0, 60), (1_001, 60), (20, 0), (20, float("inf")), (20, float("nan"))]
)
def test_a_plan_has_bounds(visitors, seconds):
    with pytest.raises(ValueError, match=r"not (0|1001|inf|nan)"):
        plan(visitors, seconds, seed=0)


@pytest.mark.parametrize("agent", [one.agent for one in DESKTOPS + PHONES])
def test_a_simulated_browser_says_so_and_is_no_crawler(agent):
    assert "footfall-demo/1" in agent
    assert not is_crawler(agent)
    assert not is_crawler(agent.replace(" footfall-demo/1", ""))
    assert judge(agent).source == "SIMULATED"
    assert not judge(agent).bot


def test_there_is_some_of_everything():
    steps = [step for one in MANY for step in one.steps]
    moves, acts = [step.move for step in steps], [act for step in steps for act in step.acts]
    assert {type(one) for one in moves} == {Arrive, Follow, Submit, Reload}
    assert {type(one) for one in acts} == {Look, Press, Fill}
    assert {one.status for one in steps} == {200, 404, 422}
    shown = {step.shown for step in steps}
    assert {"/", "/range", "/about", "/checkout", "/thanks", "/newsletter", "/products/ember-teapot"} <= shown
    assert {one.form for one in moves if isinstance(one, Submit)} == {"newsletter", "order", "checkout"}
    assert {"", "https://www.google.com/", "https://www.instagram.com/"} <= {
        one.referrer for one in moves if isinstance(one, Arrive)
    }
    assert any("utm_campaign=spring-41" in step.ask for step in steps)
    bounces = sum(len(one.steps) == 1 for one in MANY)
    returns = sum(sum(isinstance(step.move, Arrive) for step in one.steps) > 1 for one in MANY)
    assert 10 < bounces < 80
    assert 10 < returns < 80
    assert {one.device.touch for one in MANY} == {True, False}
    assert len({one.language for one in MANY}) > 5


def test_a_finger_hovers_over_nothing_and_a_look_has_an_end():
    for one in MANY:
        looks = [act for step in one.steps for act in step.acts if isinstance(act, Look)]
        assert not (looks and one.device.touch)
        assert all(0 < look.dwell_ms <= LONGEST_MS for look in looks)


def test_nobody_types_into_what_is_never_captured():
    typed = {act.field for one in MANY for step in one.steps for act in step.acts if isinstance(act, Fill)}
    assert typed & {"name", "email", "address", "coupon", "notes"}
    assert not typed & {"password", "cardNumber", "expiry", "cvc", "phone"}


@pytest.mark.parametrize("seed", range(5))
def test_of_twenty_visitors_some_look_longer_than_is_usual(seed):
    known, unusual, looks = defaultdict(list), 0, []
    for one in plan(20, 60, seed):
        at = one.start_ms
        for step in one.steps:
            looks += [(at, step.shown, act) for act in step.acts if isinstance(act, Look) and act.dwell_ms >= 300]
            at += step.lasts_ms
    for _, shown, look in sorted(looks, key=lambda one: one[0]):
        before = known[shown, look.name]
        unusual += bool(before) and is_unusual(look.dwell_ms, round(median(before)), len(before))
        before.append(look.dwell_ms)
    assert 1 <= unusual <= len(looks) / 5


def followed(target: str, answer):
    """The page that is shown in the end: (its address, the answer)."""
    while answer.status in (302, 303):
        target = urljoin(target, answer.headers["location"])
        answer = ask("GET", target)
    return target, answer


def walked(one):
    """One plan against the shop itself: every element, form and field that it names has to be there."""
    target, page, typed = "", None, {}
    for step in one.steps:
        move = step.move
        if isinstance(move, Submit):
            form = page.form(move.form)
            assert form is not None, (target, move)
            given = [
                (f.name, typed.get((f.name, f.value), typed.get(f.name, f.value))) for f in form.fields if f.chosen
            ]
            given += [(f.name, f.value) for f in form.fields if not f.chosen and (f.name, f.value) in typed]
            query = urlencode(given)
            posts = form.method == "post"
            target, answer = followed(
                form.action, ask("POST", form.action, query.encode()) if posts else ask("GET", f"{form.action}?{query}")
            )
        else:
            if isinstance(move, Arrive):
                target = step.ask
            elif isinstance(move, Follow):
                link = page.element(move.name)
                assert link is not None, (target, move)
                target = urljoin(target, link.href).partition("#")[0]
            target, answer = followed(target, ask("GET", target))
        assert (urlsplit(target).path, answer.status) == (step.shown, step.status), step
        page, typed = read_page(answer.body), {}
        for act in step.acts:
            if isinstance(act, Fill):
                fields = [field for field in page.form(act.form).fields if field.name == act.field]
                assert fields, (target, act)
                if fields[0].kind in ("checkbox", "radio"):
                    assert act.value in [field.value for field in fields], (target, act)
                    typed[act.field, act.value] = act.value
                else:
                    typed[act.field] = act.value
            else:
                assert page.element(act.name) is not None, (target, act)


def test_every_walk_is_possible_in_the_shop():
    for one in MANY[::4]:
        walked(one)
