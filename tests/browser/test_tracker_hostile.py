"""Pages that are in the tracker's way: what they do to the document is theirs, what is told goes to this site alone."""

import threading

import pytest
from collecting import Answer
from fronts import poll
from test_tracker_forms import form

BUTTON = "<button>Buy</button>"
CLICK = 'button.click "Buy" via=mouse'
CLOBBERING = ["querySelector", "title", "body", "hidden", "cookie", "referrer", "documentElement", "readyState"]


@pytest.mark.parametrize("name", CLOBBERING)
def test_an_image_that_hides_a_property_of_the_document_stops_nothing(stage, name):
    page = stage.person().new_page()
    url = stage.collector.page("/one", f'<img name="{name}" alt="" src="data:,">{BUTTON}')
    page.goto(url)
    page.click("button")
    stage.leave(page)
    assert stage.lines() == [CLICK] and stage.complaints == []


def test_a_base_of_another_site_changes_nothing(stage):
    elsewhere = '<base href="http://127.0.0.1:9/elsewhere/">'
    page = stage.open(BUTTON + form('<input data-track-field="f">'), head=elsewhere)
    page.click("button >> nth=0")
    page.fill("input", "Ada")
    page.evaluate("document.querySelector('form').requestSubmit()")
    page.goto(stage.collector.url + "/end")
    stage.tells(
        CLICK,
        'form.start "news" field=f',
        'form.submit "news" asks=/one fields={"f": "Ada"}',
    )
    assert stage.complaints == []


REWRITING = """<script>
new MutationObserver(() => {
  for (const tag of document.querySelectorAll("script[data-page]")) {
    tag.src = new URL(tag.src).href;
  }
}).observe(document, {childList: true, subtree: true});
</script>"""
"""As single-page themes make every address absolute."""


def test_a_theme_that_rewrites_the_tags_address_changes_nothing(stage):
    page = stage.open(BUTTON, early=REWRITING)
    assert (page.get_attribute("script[data-page]", "src") or "").startswith("http://")
    page.click("button")
    stage.ends(page, CLICK)


def test_what_was_on_its_way_when_somebody_said_no_is_not_sent_again(stage):
    page = stage.open(BUTTON)
    go = threading.Event()
    stage.collector.answer = lambda number: Answer(status=503, wait=go)
    first = len(stage.collector.messages) + 1
    page.click("button")
    assert poll(lambda: len(stage.collector.messages), first) == first
    page.evaluate("footfall.off()")
    with page.expect_response("**/_footfall/events"):
        go.set()
    page.clock.run_for(60_000)
    page.goto(stage.collector.url + "/end")
    later = stage.collector.messages[first:]
    assert all(message.events == [] for message in later)
