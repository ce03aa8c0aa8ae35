/*
 * footfall's tracker: tells the site's own proxy what people do on this page (EVENTS.md sections 4, 5 and 9).
 *
 * Law: it observes and never intervenes. One global (footfall), no thrown error, nothing that waits, and of the fields
 * only what is tagged. Every showing of the page is confirmed once, with an id of its own: the load, a prerendered page
 * when it is really shown, a return from the back/forward cache. The events of a showing carry that id as their view.
 *
 * For browsers from 2020 on. It is served without white space and comments, and every byte is paid for by every
 * visitor: hence let and == throughout and few helpers. Names that begin with $ are its own and its parts' (forms.js,
 * spa.js, meta.js), and are served as a letter or two; $settings.* as what the configuration says; what stands between #if and
 * #end only where that is on. d is the document, e an element, t a time (ms, Date.now()), x one of several.
 */
(function () {
  let d = document, $script = d.currentScript, page = $script?.dataset.page;
  // Now, since the page may replace these later.
  let { footfall, fetch, setTimeout, JSON: { parse: $parse, stringify: $stringify } } = window,
    $beacon = navigator.sendBeacon?.bind(navigator);
  if (!page || footfall?.on) return;

  // Not the element's own: fields named like a method hide it in their form.
  let $method = x => (e, $text) => Element.prototype[x].call(e, $text), $attr = $method("getAttribute"),
    $is = $method("matches"), $names = $method("getAttributeNames");

  // Beside this script, wherever the page's <base> points. What is shown is known by the id of its page.visit (view),
  // its address without fragment, and since when.
  let $url = new URL("events", new URL($attr($script, "src"), location)),
    $awake, $shown, nav, consent, token, view, $uri, $since;

  let $safe = $work => (...$given) => {
    try {
      return $work(...$given);
    } catch { /* the page comes first */ }
  };
  let $later = ($work, $wait) => setTimeout($safe($work), $wait);

  // The page id is base64url of a version, the 16 bytes of its visit's id (a UUID, version 7), its flags (2 the visitor
  // was new at this page, 4 asleep until footfall.on()) and what is the server's own.
  let $visit = $safe(() => atob(page.replace(/-/g, "+").replace(/_/g, "/")).slice(1, 17))() || "000000@0\x800000000";
  let $flags = page.charCodeAt(23) - 65;
  // Ids of ours are the visit's but for 64 random bits: like it they begin with the server's time of the page, so that
  // a store finds those of one time side by side. Where it cannot be read, what is left makes them a UUID of version 4.
  // crypto.randomUUID is missing on plain http. Ids must differ, not be secret.
  let $uuid = () => $visit.replace(/[^]/g, (x, i) =>
    (256 + (i < 7 || i == 8 ? x.charCodeAt() : Math.random() * 256)).toString(16).slice(1, 3));

  // ---- Sending: what waits is {page, at, event}, or {page, head} for what goes beside the events.

  let $queue = [], $busy = 0, $failed = 0;

  function $record(action, params, at = Date.now(), $wait = 700, $secret) {
    if (!$awake || $queue[99] || $stringify(params)[9999]) return;
    let id = $uuid();
    $queue.push({ page, $secret, at, event: { id, view, action, params } });
    // At once, before the browser asks for where a link leads; else with whatever comes next.
    $wait ? $later($flush, $wait) : $flush();
    return id;
  }

  function $flush($leaving) {
    if (!$shown || $busy && !$leaving) return;
    if (nav || consent) $queue.unshift({ page, head: {
      consent, confirm: nav && { id: view, uri: $uri, title: d.title, referrer: d.referrer, nav }
    } });
    nav = consent = void 0;
    let $batch = $queue;
    // A beacon has no answer: while the collector fails, what it carries is kept as well. Its ids make it count once.
    $queue = $leaving && $failed ? $batch : [];
    if ($batch[0]) $transmit($batch, $leaving);
  }

  // Halves of what is too much: for one message, or for what the browser keeps for beacons. A message is of one page.
  function $transmit($batch, $leaving) {
    let { page, head } = $batch[0], $half = $batch.length / 2, body = $stringify({
      v: 1, page, token, ...head,
      events: $batch.flatMap(({ event, at }) => event ? { ...event, ago: Date.now() - at } : [])
    }), $large = $half > 25 || new Blob([body]).size > 32e3 || $batch.some((x, i) => x.page != page || i && x.head);
    if (!$large && $leaving && $beacon?.($url, body)) return;
    if ($half > .5 && ($large || $leaving)) {
      $transmit($batch.slice(0, $half), $leaving);
      $transmit($batch.slice($half), $leaving);
    } else {
      // One at a time: a collector that hangs must not take up the few connections that the site has. Until its answer
      // has been read a message counts towards the 64 KiB that Chromium lets be under way.
      $busy++;
      fetch($url, { method: "POST", body, keepalive: 1 }).then(x => {
        x.text().catch($safe);
        if (/^5|429/.test(x.status)) throw 0;
        $busy--;
        $failed = 0;
        $later($flush);
      }).catch(() => {
        $queue = $awake ? $batch.concat($queue) : [];
        // Again after about 1, 4 and 16 s; then only when something else is to be sent.
        if ($failed++ > 2) $busy--;
        else $later(() => {
          $busy--;
          $flush();
        }, 4 ** $failed * (200 + Math.random() * 100));
      });
    }
  }

  // ---- Showings: how long they are in use (the last input at most 30 s ago), and how far down they are seen.

  let $reported, $engaged, $used, $deepest;

  // The title is known as soon as there is a body. What the page has asked for before (off, token) goes first.
  function $show() {
    $shown = 1;
    $uri = location.href.replace(/#.*/, "");
    $arrive();
    if (d.title || d.body) $later($flush);
  }

  function $renew() {
    $since = Date.now();
    $reported = $engaged = $deepest = 0;
    $arrive();
  }

  function $arrive() {
    $used = !d.hidden && Date.now();
    $seek();
  }

  function $use(t = Date.now()) {
    $engaged += $used && Math.min(t - $used, 3e4);
    $used = t;
  }

  // The first leave of a showing always tells, later ones only what has come since. Where it may not, a visitor who was
  // new at this page still says once more whose it is: another tab may have set the cookie meanwhile.
  function $conclude() {
    $hoverOn();
    $settle(1);
    $use();
    // #if leave
    if (!$reported || $engaged) $record("page.leave", {
      engaged_ms: $engaged, scroll_pct: Math.round(($deepest + innerHeight) / d.documentElement.scrollHeight * 100)
    });
    // #else
    if (!$reported && $flags & 2) $queue.push({ page });
    // #end
    $reported = 1;
    $engaged = $used = 0;
  }

  function $leave() {
    if ($shown) $conclude();
    $flush(1);
    // For the next page of this tab. Never what holds values of fields.
    sessionStorage.footfall = $stringify($queue.filter(x => !x.$secret));
  }

  // ---- Elements

  let $LINK = ":any-link", $BUTTON = "button,[type=submit],[type=button],[role=button]";

  let $wants = (e, $kind) => $is(e, `:not([data-track-on]),[data-track-on~=${$kind}]`);

  function $find($path, $selector) {
    return $path.find(e => $is(e, $selector));
  }

  // Innermost tagged, else nearest link or button, else (hovers) image: a picture in a link is a part of it.
  function $target($path, $kind) {
    let $mode = $kind == "hover" ? $settings.hover : $settings.click;
    if (!$mode || $find($path, "[data-track-off]")) return;
    return $path.find(e => $is(e, "[data-track]") && $wants(e, $kind)) || $mode > 1 &&
      ($find($path, $LINK + "," + $BUTTON) || $kind == "hover" && $find($path, "img"));
  }

  function $nameOf(e) {
    return ($attr(e, "data-track") || $attr(e, "aria-label") || $attr(e, "alt") || e.innerText ||
      $is(e, $BUTTON) && $attr(e, "value") || e.querySelector("[alt]")?.alt || e.localName).slice(0, 100);
  }

  function $tell(e, $kind, $more, t, $wait) {
    $record(($attr(e, "data-track-as") || (
      $is(e, $LINK) ? "link" : $is(e, $BUTTON) ? "button" : $is(e, "img") ? "image" : "element"
    )) + "." + $kind, { ...$extras(e), ...$more }, t, $wait);
  }

  function $extras(e) {
    let params = {};
    for (let x of $names(e)) if (/^data-track-p-/.test(x)) params[x.slice(13)] = $attr(e, x);
    return params;
  }

  // ---- Hovers

  let $hover, $ended = [], $lastClick, $lastTarget, $pointer;

  function $hoverOn(e, t = Date.now()) {
    if ($hover?.e == e) return;
    if ($hover) {
      $hover.dwell += t - $hover.$since;
      $hover.$until = t;
      $ended.push($hover);
      $later($settle, 210);
    }
    $settle();
    let name = e && $nameOf(e);
    $hover = e && { dwell: 0, ...$ended.find(x => x.name == name), name, e, $since: t };
    $ended = $ended.filter(x => x.name != name);
  }

  // An episode of the same name may still follow within 200 ms, and is then the same hover.
  function $settle(all) {
    $ended = $ended.filter(({ e, name, dwell, $until, clicked }) => {
      if (!all && Date.now() - $until < 200) return 1;
      if (dwell >= $settings.hoverMin && (dwell >= 1e3 || $is(e, "[data-track]"))) $tell(e, "hover", {
        name, dwell_ms: Math.min(dwell, 6e4), capped: dwell > 6e4 || void 0, clicked
      }, $until);
    });
  }

  // ---- Clicks


  // A label's click comes once more, with the same time but on its field: one gesture.
  function click(t, $path, $event) {
    if ($event.button > 1) return;
    if ($path.includes($hover?.e)) $hover.clicked = true;
    let e = $target($path, "click"), $link = $find($path, $LINK);
    if (!e || $event.timeStamp == $lastClick && $path[0] != $lastTarget) return;
    $lastClick = $event.timeStamp;
    $lastTarget = $path[0];
    $tell(e, "click", {
      name: $nameOf(e), href: $link?.href, outbound: $link && $link.host > "" && $link.host != location.host,
      via: $event.button ? "middle" : $event.pointerType || $pointer
    }, t, 0);
  }

  // ---- Forms and fields are a part of their own (forms.js), which comes with the first that is tagged: nothing is
  // where they are off. What watches addresses (spa.js), or tells what the page says of itself (meta.js), is the same
  // part then, and comes at once. Not while the page is being read: a module that is asked for then shuts out its
  // import map.

  let $FORM =
    // #if forms
    "[data-track-form],[data-track-field]",
    // #else
    "none",
    // #end
    $part, $tries = 0, $waiting = [], $passwords = new WeakSet();

  // #if every
  // What that part reads and, by what its work returns, sets.
  let $state = $work => [view, $uri, $queue, $busy] = $work(view, $uri, $queue, $busy, page);
  // #end

  let $seek = $safe((
    // #if every
    ) => {
    if (
    // #else
    $found = d.querySelector($FORM)) => {
    if ($found &&
    // #end
    !$part && d.readyState != "loading") $part = import($settings.part + $tries).then(x => x.listen({
      // #if every
      $calls, $state, $flush,
      // #end
      $handlers, $waiting, $safe, $stringify, $attr, $is, $wants, $extras, $record, $heed, $passwords, $watch
    })).catch(() => $part = $tries++ > 2);
  });

  // Until the part is there, which then goes on with what waits. Not with what was sent: its fields may be others then.
  function $form(t, $path, $event) {
    let $found = $find($path, $FORM);
    if ($path[0]?.type == "password") $passwords.add($path[0]);
    if ($found && $event.type != "submit" && !$waiting[99]) $waiting.push([t, $path, $event]);
    // #if every
    // #else
    $seek($found || 0);
    // #end
  }

  // A field that shows its password is a text field by then.
  function $watch($changes = $watcher.takeRecords()) {
    for (let x of $changes) if (/password/i.test(x.oldValue)) $passwords.add(x.target);
    if ($hover && !$hover.e.isConnected) $hoverOn();
  }

  let $watcher = new MutationObserver($safe($watch));

  // ---- The page's own calls

  // The server's answer sets the same cookie once more, with all that such a cookie should say.
  function $say(word) {
    consent = word;
    d.cookie = `footfall_consent=${word};path=/;max-age=34128000`;
  }

  let $calls = {
    // Of one address once within 500 ms. What was shown before is told first, or its confirmation would be of this one.
    // Where a changed address is told, nothing is sent before the page has its title.
    visit($given = {}) {
      let params = { uri: location.href, title: d.title, nav: "manual", ...$given };
      $flush();
      if (!$awake || $uri == ($uri = params.uri.replace(/#.*/, "")) && (
        // #if spa
        params.nav > "n" ||
        // #end
        Date.now() - $since < 500)) return;
      $conclude();
      view = $record("page.visit", params);
      $renew();
      // #if spa
      $busy++;
      $later(() => {
        $busy--;
        params.title = $given.title || d.title;
        $flush();
      }, 300);
      // #end
    },
    event(action, params) {
      $record(action, { ...params });
    },
    on() {
      $say("in");
      if (!$awake) $start("navigate");
      $flush();
    },
    off() {
      $awake = nav = $hover = void 0;
      $shown = 1;
      $queue = [];
      $waiting.length = 0;
      $say("out");
      $flush(1);
      delete sessionStorage.footfall;
    },
    token(jwt) {
      token = jwt;
    },
    push(...$given) {
      for (let [x, ...rest] of $given) $calls[x](...rest);
    }
  };
  for (let x in $calls) $calls[x] = $safe($calls[x]);
  window.footfall = $calls;

  // ---- Listening: on the window, before anything of the page. What a script makes of elements is no person's doing.

  function $move(t, $path, $event) {
    $use(t);
    $pointer = $event.pointerType;
    $pointer != "touch" && $hoverOn(
      $event.type == "pointerout" ? $event.relatedTarget && $hover?.e : $target($path, "hover"), t
    );
  }

  let $handlers = {
    click, auxclick: click, submit: $form, focusin: $form, input: $form, change: $form,
    pointerover: $move, pointermove: $move, pointerout: $move, pointerdown: $move,
    keydown(t) {
      $use(t);
      $pointer = "keyboard";
    },
    scroll(t, $path) {
      if (!$path[0]) $use(t);
      $deepest = Math.max($deepest, scrollY);
    },
    DOMContentLoaded() {
      $seek();
      $flush();
    },
    // #if spa
    // Of the Navigation API, until spa.js is there.
    currententrychange() {
      $calls.visit({ nav: "spa" });
    },
    // #end
    prerenderingchange: $show,
    pageshow(t, $path, $event) {
      if ($event.persisted) $start("bfcache");
    },
    // A page that is left is also hidden, right after its pagehide: there is nothing more to say then.
    pagehide: $leave,
    visibilitychange() {
      d.hidden ? $leave() : $arrive();
    }
  };
  let $heed = $safe($event => {
    if (!$awake || !$event.isTrusted && $event.target != d) return;
    let $path = $event.composedPath(), t = Date.now() - Math.round(performance.now() - $event.timeStamp);
    $handlers[$event.type](t, $path.filter(x => x.localName), $event);
  });

  function $start(how) {
    $awake = 1;
    nav = how;
    view = $uuid();
    $renew();
    // #if spa
    for (let x in $handlers) for (let y of [self, self.navigation]) y?.addEventListener(x, $heed, 1);
    // #else
    for (let x in $handlers) addEventListener(x, $heed, 1);
    // #end
    $safe(() => $queue.push(...$parse(sessionStorage.footfall)))();
    if (!d.prerendering) $show();
  }

  // Asleep as well: what was a password before somebody agrees stays one.
  $watcher.observe(d, { subtree: 1, childList: 1, attributeFilter: ["type"], attributeOldValue: 1 });
  // A copy that slept may come from the browser's cache after its visitor has agreed on another page.
  if (!($flags & 4) || /footfall_consent=in/.test(d.cookie)) $safe(() => {
    $start(performance.getEntriesByType("navigation")[0]?.type || "navigate");
  })();
  $safe(() => $calls.push(...footfall))();
})();
