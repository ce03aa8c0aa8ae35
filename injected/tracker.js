/*
 * footfall's tracker: tells the site's own proxy that a browser shows this page.
 *
 * Law: it observes and never intervenes. One global (footfall), no thrown error, nothing that waits. Every showing of
 * the page is reported once, with an id of its own: the load, a prerendered page when it is really shown, a return
 * from the back/forward cache. A hidden or closing page says once more whose it is, since the cookie may have been
 * set by another tab meanwhile.
 */
(function () {
  "use strict";
  var RETRY_MS = [1000, 4000, 15000];
  var w = window, d = document, script = d.currentScript;
  if (w.footfall || !script) return;
  var page = script.getAttribute("data-page");
  var url = new URL("events", script.src).href;
  var shown = false, leaving = false;
  w.footfall = {};

  function uuid() {
    if (w.crypto && crypto.randomUUID) return crypto.randomUUID();
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    var hex = "";
    for (var i = 0; i < 16; i++) hex += (bytes[i] + 256).toString(16).slice(1);
    return hex;
  }

  // Network errors, 5xx and 429 are tried again, with the same id; everything else is final.
  function send(body, attempt) {
    function again() {
      if (attempt < RETRY_MS.length) {
        setTimeout(function () { send(body, attempt + 1); }, RETRY_MS[attempt] * (0.75 + Math.random() / 2));
      }
    }
    fetch(url, { method: "POST", body: body, keepalive: true, credentials: "same-origin" }).then(function (answer) {
      if (answer.status >= 500 || answer.status === 429) again();
    }, again);
  }

  function message(confirm) {
    var body = { v: 1, page: page, events: [] };
    if (confirm) body.confirm = confirm;
    return JSON.stringify(body);
  }

  function confirmShown(nav) {
    shown = true;
    leaving = false;
    send(message({ id: uuid(), uri: location.href, title: d.title, referrer: d.referrer, nav: nav }), 0);
  }

  function navigationType() {
    var entry = w.performance && performance.getEntriesByType && performance.getEntriesByType("navigation")[0];
    return (entry && entry.type) || "navigate";
  }

  // The title is usually in the document by now; where the tag comes first, one turn is not enough to wait for it.
  function whenTitled(run) {
    if (d.title || d.readyState !== "loading") return run();
    d.addEventListener("DOMContentLoaded", run, { once: true });
  }

  function start() {
    whenTitled(function () { confirmShown(navigationType()); });
  }

  function sayWhose() {
    if (shown && navigator.sendBeacon) navigator.sendBeacon(url, message());
  }

  try {
    if (d.prerendering) d.addEventListener("prerenderingchange", start, { once: true });
    else start();
    w.addEventListener("pageshow", function (event) { if (event.persisted) confirmShown("bfcache"); });
    // A page that is left is also hidden, right after its pagehide; a tab that was hidden before is only left.
    w.addEventListener("pagehide", function () { leaving = true; sayWhose(); });
    d.addEventListener("visibilitychange", function () { if (d.visibilityState === "hidden" && !leaving) sayWhose(); });
  } catch (_) { /* the page comes first */ }
})();
