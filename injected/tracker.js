/*
 * footfall's tracker: tells the site's own proxy what people do on this page (EVENTS.md sections 4, 5 and 9).
 *
 * Law: it observes and never intervenes. One global (footfall), no thrown error, nothing that waits, and of the fields
 * only what is tagged. Every showing of the page is confirmed once, with an id of its own: the load, a prerendered page
 * when it is really shown, a return from the back/forward cache. The events of a showing carry that id as their view.
 *
 * For browsers from 2020 on. It is served without white space and comments, but with these names, and every byte is
 * paid for by every visitor: hence let and == throughout, few helpers, and short names for what is everywhere:
 * d the document, e an element, t a time (ms, Date.now()), x one of several.
 */
(function (settings) {
  "use strict";
  let d = document, script = d.currentScript, page = script?.dataset.page;
  // Now, since the page may replace these later.
  let { footfall, fetch, setTimeout, JSON: { parse, stringify } } = window, beacon = navigator.sendBeacon?.bind(navigator);
  if (!page || footfall?.token) return;

  // Flags of the page id, its byte 17: 2 the visitor was new at this page, 4 asleep until footfall.on().
  let url = new URL("events", script.src), flags = page.charCodeAt(23) - 65;
  let awake, shown, nav, consent, token, view;

  // Not the element's own: fields named like a method hide it in their form.
  let method = name => (e, text) => Element.prototype[name].call(e, text);
  let attr = method("getAttribute"), is = method("matches"), up = method("closest"), names = method("getAttributeNames");

  let safe = work => (...given) => {
    try {
      return work(...given);
    } catch { /* the page comes first */ }
  };
  let later = (work, wait) => setTimeout(safe(() => work()), wait);
  // crypto.randomUUID is missing on plain http. Ids must differ, not be secret.
  let uuid = () => "00000000-0000-4000-8000-000000000000".replace(/0/g, () => (Math.random() * 16 | 0).toString(16));

  // ---- Sending: what waits is {page, at, event}, or {page, head} for what goes beside the events.

  let queue = [], busy = 0, failed = 0;

  function record(action, params, at = Date.now(), wait = 700, secret, id = uuid()) {
    let text = stringify(params);
    if (!awake || queue[99] || text[9999]) return;
    queue.push({ page, secret, at, event: { id, view, action, params: parse(text) } });
    // At once, before the browser asks for where a link leads; else with whatever comes next.
    if (wait) later(flush, wait);
    else flush();
  }

  function flush(leaving) {
    if (!shown || busy && !leaving) return;
    if (nav || consent) queue.unshift({ page, head: {
      consent, confirm: nav && { id: view, uri: location.href, title: d.title, referrer: d.referrer, nav }
    } });
    nav = consent = undefined;
    let batch = queue;
    // A beacon has no answer: while the collector fails, what it carries is kept as well. Its ids make it count once.
    queue = leaving && failed ? batch : [];
    if (batch[0]) transmit(batch, leaving);
  }

  // Halves of what is too much: for one message, or for what the browser keeps for beacons. A message is of one page.
  function transmit(batch, leaving) {
    let { page, head } = batch[0], half = batch.length / 2, body = stringify({
      v: 1, page, token, ...head, events: batch.flatMap(({ event, at }) => event ? { ...event, ago: Date.now() - at } : [])
    }), large = half > 25 || new Blob([body]).size > 32768 || batch.some((x, i) => x.page != page || i && x.head);
    if (!large && leaving && beacon?.(url, body)) return;
    if (half > .5 && (large || leaving)) [batch.slice(0, half), batch.slice(half)].forEach(x => transmit(x, leaving));
    else {
      // One at a time: a collector that hangs must not take up the few connections that the site has.
      busy++;
      fetch(url, { method: "POST", body, keepalive: true }).then(({ status }) => {
        if (status > 499 || status == 429) throw 0;
        busy--;
        failed = 0;
        later(flush);
      }).catch(() => {
        queue = batch.concat(queue);
        // Again after about 1, 4 and 16 s; then only when something else is to be sent.
        if (failed++ > 2) busy--;
        else later(() => {
          busy--;
          flush();
        }, 4 ** failed * (190 + Math.random() * 120));
      });
    }
  }

  // ---- Showings: how long they are in use (the last input at most 30 s ago), and how far down they are seen.

  let reported, engaged, used, deepest;

  // The title is known as soon as there is a body. What the page has asked for before (off, token) goes first.
  function show() {
    shown = 1;
    arrive();
    if (d.title || d.body) later(flush);
  }

  function renew() {
    view = uuid();
    reported = engaged = deepest = 0;
    arrive();
  }

  function arrive() {
    used = d.hidden ? 0 : Date.now();
  }

  function use(t) {
    engaged += used && Math.min(t - used, 30000);
    used = t;
  }

  // The first leave of a showing always tells, later ones only what has come since. Where it may not, a visitor who was
  // new at this page still says once more whose it is: another tab may have set the cookie meanwhile.
  function conclude() {
    hoverOn(0, Date.now());
    settle(1);
    use(Date.now());
    if (!reported || engaged) if (settings.leave) record("page.leave", {
      engaged_ms: engaged, scroll_pct: Math.round((deepest + innerHeight) / d.documentElement.scrollHeight * 100)
    });
    else if (flags & 2) queue.push({ page });
    reported = 1;
    engaged = used = 0;
  }

  function leave() {
    if (shown) conclude();
    flush(1);
    // For the next page of this tab. Never what holds values of fields.
    sessionStorage.footfall = stringify(queue.filter(x => !x.secret));
  }

  // ---- Elements

  let LINK = "a[href],area[href]", BUTTON = "button,[type=submit],[type=button],[role=button]";
  let wants = (e, kind) => is(e, `:not([data-track-on]),[data-track-on~=${kind}]`);

  // Innermost tagged, else nearest link or button, else (hovers) image: a picture in a link is a part of it.
  function target(path, kind) {
    let find = selector => path.find(e => is(e, selector));
    if (settings[kind] != "off" && !find("[data-track-off]")) return path.find(e => is(e, "[data-track]") && wants(e, kind)) ||
      settings[kind] == "auto" && (find(LINK + "," + BUTTON) || kind == "hover" && find("img")) || undefined;
  }

  function nameOf(e) {
    return (attr(e, "data-track") || attr(e, "aria-label") || attr(e, "alt") || e.innerText || attr(e, "value") ||
      e.querySelector("[alt]")?.alt || e.localName).slice(0, 100);
  }

  function tell(e, kind, more, t, wait) {
    record((attr(e, "data-track-as") || (is(e, LINK) ? "link" : is(e, BUTTON) ? "button" : is(e, "img") ? "image" : "element")) +
      "." + kind, { ...extras(e), ...more }, t, wait);
  }

  function extras(e) {
    let params = {};
    for (let x of names(e)) if (x.startsWith("data-track-p-")) params[x.slice(13)] = attr(e, x);
    return params;
  }

  // ---- Hovers

  let hover, ended = [];

  function hoverOn(e, t) {
    if (hover?.e == e) return;
    if (hover) {
      hover.dwell += t - hover.since;
      hover.until = t;
      ended.push(hover);
      later(settle, 210);
    }
    settle();
    let name = e && nameOf(e);
    hover = e && { dwell: 0, ...ended.find(x => x.name == name), name, e, since: t };
    if (e) ended = ended.filter(x => x.name != name);
  }

  // An episode of the same name may still follow within 200 ms, and is then the same hover.
  function settle(all) {
    ended = ended.filter(({ e, name, dwell, until, clicked }) => {
      if (!all && Date.now() - until < 200) return 1;
      if (dwell >= Math.max(is(e, "[data-track]") ? 0 : 1000, settings.hoverMin)) tell(e, "hover", {
        name, dwell_ms: Math.min(dwell, 60000), capped: dwell > 60000 || undefined, clicked
      }, until);
    });
  }

  // ---- Clicks

  let lastClick, clicked, pointer;

  // A label's click comes once more, with the same time but on its field: one gesture.
  function click(event, path, t) {
    if (event.button > 1) return;
    if (path.includes(hover?.e)) hover.clicked = true;
    let e = target(path, "click"), link = path.find(e => is(e, LINK));
    if (!e || event.timeStamp == lastClick && path[0] != clicked) return;
    lastClick = event.timeStamp;
    clicked = path[0];
    tell(e, "click", {
      name: nameOf(e), href: link?.href, outbound: link && link.host > "" && link.host != location.host,
      via: event.button ? "middle" : event.pointerType || pointer
    }, t, 0);
  }

  // ---- Forms and fields

  let begun = { __proto__: null }, uses = new WeakMap(), passwords = new WeakSet(), since, warned, last, lastTime;

  // The tracked form, or box, that a field belongs to: null without one, 0 where nothing is tracked.
  function formOf(e) {
    let form = up(attr(e, "form") && e.form || e, "[data-track-form]");
    return !settings.forms || up(e, "[data-track-off]") || form && up(form, "[data-track-off]") ? 0 : form;
  }

  function field({ type }, [e], t, root) {
    let box = formOf(e), field = attr(e, "data-track-field"), form = box && attr(box, "data-track-form");
    isPassword(e);
    // These two stay inside a shadow root.
    if (root != d) ["submit", "change"].forEach(x => root.addEventListener(x, heed, true));
    if (!field || !is(e, "input,select,textarea")) return;
    if (box === null && !warned) warned = !console.warn("footfall: data-track-field outside data-track-form: " + field);
    if (!box || !wants(box, "change")) return;
    if (type == "focusin") {
      since = t;
      uses.set(e, -~uses.get(e));
    } else {
      if (!begun[form]) record("form.start", { form, field }, t);
      begun[form] = 1;
      if (type == "change" && wants(e, "change") && !refusal(e)) {
        record("field.change", {
          form, field, filled: !!valueOf(e)[0], dwell_ms: t - since, refocus: uses.get(e) - 1,
          value: is(e, "[data-track-on~=change]") ? read(e)[0] : undefined
        }, t, 700, 1);
        since = t;
      }
    }
  }

  // On the submit event, before the page's own listeners: what the visitor has submitted. That the page cancels it (and
  // sends the form itself, or finds a mistake) changes nothing; form.result tells what came of it. The browser's own
  // validation comes before the event. The same form with the same content within a second is one.
  function submit(event, [e], t, root) {
    let found = new Map([[formOf(e), []]]);
    root.querySelectorAll("[data-track-field]:enabled").forEach(x => {
      let form = formOf(x);
      if (x.form ? x.form == e : found.has(form)) found.set(form, [...found.get(form) || [], x]);
    });
    found.forEach((members, form) => {
      if (!form || !wants(form, "submit")) return;
      let fields = { __proto__: null }, skipped;
      members.forEach(x => {
        let name = attr(x, "data-track-field"), [value, reason] = read(x);
        if (reason) (skipped = skipped || {})[name] = reason;
        else if (value != null) fields[name] = name in fields ? [].concat(fields[name], value) : value;
      });
      let params = { ...extras(form), form: attr(form, "data-track-form"), fields, skipped }, text = stringify(params);
      if (text != last || t - lastTime > 1000) record("form.submit", params, lastTime = t, 0, 1);
      last = text;
    });
  }

  function valueOf(e) {
    return e.type == "select-multiple" ? Array.from(e.selectedOptions, x => x.value) :
      /box|radio/.test(e.type) && !e.checked ? "" : e.value;
  }

  // [value], or [undefined, reason] where it is never captured.
  function read(e) {
    let { type } = e, constant = attr(e, "data-track-value"), filled = attr(e, "data-track-send") == "filled", value;
    let reason = refusal(e) || constant == null && (type == "hidden" || type == "file" && !filled) && type;
    if (!reason) {
      value = type == "hidden" ? constant : valueOf(e);
      value = filled ? !!value[0] : value[0] ? constant ?? value : undefined;
      [].concat(value).some(x => reason = whySecret("" + x));
    }
    return [reason ? undefined : value, reason];
  }

  // ---- Never captured: by the field

  // A field that shows its password is a text field by then.
  let watch = changes => {
    for (let x of changes) if (/password/i.test(x.oldValue)) passwords.add(x.target);
    if (hover && !hover.e.isConnected) hoverOn(0, Date.now());
  }, watcher = new MutationObserver(safe(watch));
  let isPassword = e => (e.type == "password" ? passwords.add(e) : passwords).has(e);

  function refusal(e) {
    watch(watcher.takeRecords());
    return isPassword(e) ? "password" :
      /\b(cc-|(current|new)-password|one-time-code)/i.test(attr(e, "autocomplete")) ? "autocomplete" :
      ["name", "id", "data-track-field", "aria-label", "placeholder"].map(x => "" + attr(e, x))
        .concat(Array.from(e.labels || [], x => x.textContent)).some(isSensitive) && "word";
  }

  // Whole words, split at camelCase and at whatever is no letter; and all of it as one word.
  function isSensitive(name) {
    return /\b(pass(word|wd|code|phrase)?|pwd|pin|otp|mfa|secret|token|csrf|c[vs]c|cvv|card(number)?|ccnum|creditcard|iban|ssn|pesel|socialsecurity|routing)\b/i.test(
      name.replace(/[a-z](?=[A-Z])|[A-Z](?=[A-Z][a-z])/g, "$& ").replace(/[^a-z]+/gi, " ") + " " + name.replace(/[^a-z]/gi, ""));
  }

  // ---- and by the value. What the event could not hold is not sent either.

  function whySecret(text) {
    let find = (pattern, test) => (text.match(pattern) || []).some(test);
    return text.length > 1024 ? "other" : find(/\b[a-z]{2}\d\d([ -]?[a-z\d]){11,}/gi, isIban) ? "iban" :
      find(/\d([ .-]?\d){12,}/g, isCard) || find(/\d{4}([ .-]?\d{4}){3}/g, isCard) ? "card" :
      /\b(?!000|666|9)\d{3}([ -])(?!00)\d\d\1(?!0000)\d{4}\b/.test(text) ? "ssn" :
      /\beyJ[\w-]{5,}\.[\w-]{5,}\./.test(text) ? "jwt" : /-----BEGIN [A-Z\d ]*-----/.test(text) && "pem";
  }

  // Luhn's check
  function isCard(text) {
    let sum = 0, digits = text.match(/\d/g).reverse();
    digits.forEach((x, i) => sum += i % 2 && x * 2 % 9 || +x);
    return !digits[19] && sum % 10 == 0;
  }

  // Of its words as many as it takes.
  function isIban(text) {
    let iban = "";
    return text.split(/[ -]/).some(x => (iban += x)[14] && !iban[34] &&
      BigInt((iban.slice(4) + iban.slice(0, 4)).replace(/\D/g, x => parseInt(x, 36))) % 97n == 1);
  }

  // ---- The page's own calls

  function say(word) {
    consent = word;
    d.cookie = `footfall_consent=${word}; path=/; max-age=34128000; samesite=lax` + (location.protocol == "https:" ? "; secure" : "");
  }

  let calls = {
    visit(params) {
      conclude();
      renew();
      record("page.visit", { uri: location.href, title: d.title, nav: "manual", ...params }, undefined, 700, 0, view);
    },
    event(action, params = {}) {
      record(action, params);
    },
    on() {
      say("in");
      if (!awake) start("navigate");
      flush();
    },
    off() {
      awake = nav = hover = undefined;
      shown = 1;
      queue = [];
      say("out");
      flush(1);
      delete sessionStorage.footfall;
    },
    token(jwt) {
      token = jwt;
    },
    push(...given) {
      given.forEach(([name, ...rest]) => calls[name](...rest));
    }
  };
  for (let name in calls) calls[name] = safe(calls[name]);
  window.footfall = calls;

  // ---- Listening: on the window, before anything of the page. What a script makes of elements is no person's doing.

  function move(event, path, t) {
    use(t);
    pointer = event.pointerType;
    if (pointer != "touch") hoverOn(event.type != "pointerout" ? target(path, "hover") : event.relatedTarget && hover?.e, t);
  }

  let handlers = {
    click, auxclick: click, submit, focusin: field, input: field, change: field,
    pointerover: move, pointermove: move, pointerout: move, pointerdown: move,
    keydown(event, path, t) {
      use(t);
      pointer = "keyboard";
    },
    scroll(event, path, t) {
      if (!path[0]) use(t);
      deepest = Math.max(deepest, scrollY);
    },
    DOMContentLoaded() {
      flush();
    },
    prerenderingchange: show,
    pageshow(event) {
      if (!event.persisted) return;
      nav = "bfcache";
      renew();
      show();
    },
    // A page that is left is also hidden, right after its pagehide: there is nothing more to say then.
    pagehide: leave,
    visibilitychange() {
      if (d.hidden) leave();
      else arrive();
    }
  };
  let heed = safe(event => {
    if (!awake || !event.isTrusted && event.target != d) return;
    let path = event.composedPath(), t = Date.now() - Math.round(performance.now() - event.timeStamp);
    handlers[event.type](event, path.filter(x => x instanceof Element), t, path.find(x => x.nodeType > 8));
  });

  function start(how) {
    awake = 1;
    nav = how;
    renew();
    for (let type in handlers) addEventListener(type, heed, { capture: true, passive: true });
    watcher.observe(d, { subtree: true, childList: true, attributeFilter: ["type"], attributeOldValue: true });
    safe(() => queue = [...parse(sessionStorage.footfall)])();
    if (!d.prerendering) show();
  }

  // A copy that slept may come from the browser's cache after its visitor has agreed on another page.
  if (!(flags & 4) || /footfall_consent=in/.test(d.cookie)) safe(() => start(performance.getEntriesByType("navigation")[0]?.type || "navigate"))();
  safe(() => calls.push(...footfall))();
})({ click: "auto", hover: "auto", hoverMin: 300, forms: true, leave: true });
