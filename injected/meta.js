/*
 * What a page says of itself: the part of the tracker that tells its `<meta property="og:…">` and `product:…` (EVENTS.md
 * section 4, page.visit). It comes with every page where that is switched on, and has the other parts with it.
 *
 * Law: it is read once a showing, when the page has been read, and told beside its confirmation; the first of one name
 * counts, and what is too much for one event is not told at all. The server cleans it as it cleans what is typed.
 *
 * How it is written, and what each name that it is given means: see tracker.js.
 */
export function listen($given) {
  // #if spa
  $addresses($given);
  // #end
  // #if plain
  $fields($given);
  // #end
  let { $state, $flush, $handlers, $stringify, $attr } = $given, $shown = $handlers.pageshow;

  function $describe() {
    let params = {}, text;
    document.querySelectorAll("meta[property]").forEach(x => {
      let name = $attr(x, "property");
      if (/^(og|product):./.test(name)) params[name] = params[name] || x.content;
    });
    text = $stringify(params);
    // Who has said no while this was on its way is told nothing of.
    if (!text[2] || text[8191] || /footfall_consent=out/.test(document.cookie)) return;
    $state((view, $uri, $queue, $busy, page) => {
      $queue.push({ page, head: { meta: { view, params } } });
      return [view, $uri, $queue, $busy];
    });
    $flush();
  }

  $handlers.pageshow = (t, $path, $event) => {
    $shown(t, $path, $event);
    if ($event.persisted) $describe();
  };
  $describe();
}
