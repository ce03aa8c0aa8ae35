/*
 * Views without a request: the part of the tracker that watches the addresses of a single-page application (EVENTS.md
 * section 6, point 5). It comes with every page where that is switched on, and has the forms' part with it.
 *
 * Law: a page that was there for 300 ms has been seen. A change of path or query begins a view at once, and what is
 * done from then on belongs to it; it is told 300 ms later, with the title that the page has by then. What is gone
 * before (a redirect, a burst) was none: the view is that of the address where it came to rest, and where that is the
 * one that was left, nothing happened. Until this part is there, the tracker itself tells every change.
 *
 * How it is written, and what each name that it is given means: see tracker.js.
 */
// #if meta
function $addresses($given) {
// #else
export function listen($given) {
// #end
  // #if forms
  $fields($given);
  // #end
  let { $calls, $state, $flush, $handlers, $heed, $safe } = $given, d = document, { apply: $apply } = Reflect;
  let $visit = $calls.visit, $here, $pending, $last;
  let $bare = uri => uri.split("#")[0];

  function $now() {
    let $found;
    $state((...$values) => $found = $values);
    return $found;
  }

  // The item of the visit that this makes, if it makes one.
  function $begin($what) {
    let [view, $uri] = $now();
    $visit({ referrer: $uri, ...$what });
    let [id, , $queue] = $now(), $item = $queue.find(x => x.event?.id == id);
    if (id == view || !$item) return;
    $last = $item;
    return { $item, view, $uri };
  }

  let $moved = $safe(() => {
    let uri = location.href, at = Date.now(), $seen = $here, [, $uri, $queue] = $now();
    $here = $bare(uri);
    if ($here == $seen || $here == $uri) return;
    if ($pending && $queue.includes($pending.$item)) {
      $pending.$item.at = at;
      $pending.$item.event.params.uri = uri;
      $state((view, $uri, ...$rest) => [view, $here, ...$rest]);
    } else $pending = $begin({ uri, nav: "spa" });
    if (!$pending) return;
    // As the tracker does with a first change: nothing is sent until then.
    let $mine = $pending;
    $mine.at = at;
    $hold(1);
    setTimeout($safe(() => {
      $hold(-1);
      if ($pending == $mine && $mine.at == at) $settle();
      $flush();
    }), 300);
  });

  function $hold($more) {
    $state((view, $uri, $queue, $busy) => [view, $uri, $queue, $busy + $more]);
  }

  function $settle() {
    if (!$pending) return;
    let { $item, view, $uri, title } = $pending, { params, id } = $item.event;
    $pending = 0;
    if ($bare(params.uri) != $uri) params.title = title || d.title;
    else $state((x, y, $queue, $busy) => {
      if (!$queue.includes($item)) return [x, y, $queue, $busy];
      $queue = $queue.filter(x => x != $item);
      for (let { event } of $queue) if (event?.view == id) event.view = view;
      return [view, $uri, $queue, $busy];
    });
  }

  // Told by the page as well, and watched: one visit, with what the page says of it as long as that has not been sent.
  $calls.visit = $safe(($said = {}) => {
    let uri = $said.uri || location.href, [, $uri] = $now();
    if ($last && $bare(uri) == $uri && Date.now() - $last.at < 500) {
      let { params } = $last.event;
      Object.assign(params, $said, { nav: params.nav });
      if ($pending) $pending.title = $said.title;
    } else {
      $settle();
      $begin($said);
    }
  });

  // A view that is left before its title was awaited has the one that it has.
  ["pagehide", "visibilitychange"].forEach(x => {
    let $leave = $handlers[x];
    $handlers[x] = (...$heard) => {
      $safe($settle)();
      $leave(...$heard);
    };
  });

  // Browsers from 2026 on, and Chromium from 2022 on, say themselves that the address has changed, whatever has changed
  // it; the tracker listens already. Elsewhere those are asked that change it. The page gets what they do, and throw.
  if (self.navigation?.currentEntry) {
    $here = $bare(location.href);
    $handlers.currententrychange = $moved;
  } else {
    $here = $now()[1];
    for (let x of ["pushState", "replaceState"]) $safe(() => {
      history[x] = new Proxy(history[x], { apply(...$call) {
        let $result = $apply(...$call);
        $moved();
        return $result;
      } });
    })();
    // Back and forward; and what went round both is seen with the next thing that the visitor does.
    $handlers.popstate = $moved;
    addEventListener("popstate", $heed, true);
    for (let x in $handlers) {
      let $handler = $handlers[x];
      $handlers[x] = (...$heard) => {
        $moved();
        $handler(...$heard);
      };
    }
    $moved();
  }
}
