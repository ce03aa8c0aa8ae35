/*
 * footfall's tracker: tells the site's own proxy that a browser shows this page.
 *
 * Law: it observes and never intervenes. One global (footfall), no thrown error, nothing that waits. Every showing of
 * the page is reported once, with an id of its own: the load, a prerendered page when it is really shown, a return
 * from the back/forward cache. A hidden or closing page whose visitor was new at it says once more whose it is, since
 * the cookie may have been set by another tab meanwhile.
 */
(function () {
  "use strict";
  var RETRY_MS = [1000, 4000, 15000];
  var w = window, d = document, script = d.currentScript;
  if (w.footfall || !script) return;
  var page = script.getAttribute("data-page");
  var url = new URL("events", script.src).href;
  var waiting = "", shown = false, left = false;
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

  function confirmation() {
    var confirm = { id: uuid(), uri: location.href, title: d.title, referrer: d.referrer, nav: waiting };
    waiting = "";
    return message(confirm);
  }

  // The title is usually in the document by now; where the tag comes first, the page is confirmed when it is.
  function show(nav) {
    waiting = nav;
    shown = true;
    left = false;
    if (d.title || d.readyState !== "loading") confirmShown();
    else d.addEventListener("DOMContentLoaded", confirmShown, { once: true });
  }

  function confirmShown() {
    if (waiting) send(confirmation(), 0);
  }

  function start() {
    var entry = w.performance && performance.getEntriesByType && performance.getEntriesByType("navigation")[0];
    show((entry && entry.type) || "navigate");
  }

  // Was the visitor new at this page? Then it may be somebody's twin (bit 2 of the flags in the page id).
  function isVisitorNew() {
    return atob(page.replace(/-/g, "+").replace(/_/g, "/") + "=").charCodeAt(17) & 2;
  }

  function sayLast() {
    if (!shown || left || !navigator.sendBeacon) return;
    try {
      if (waiting) navigator.sendBeacon(url, confirmation());
      else if (isVisitorNew()) navigator.sendBeacon(url, message());
    } catch (_) { /* the page comes first */ }
  }

  try {
    if (d.prerendering) d.addEventListener("prerenderingchange", start, { once: true });
    else start();
    w.addEventListener("pageshow", function (event) { if (event.persisted) show("bfcache"); });
    // A page that is left is also hidden, right after its pagehide; a tab that was hidden before is only left.
    w.addEventListener("pagehide", function () { sayLast(); left = true; });
    d.addEventListener("visibilitychange", function () { if (d.visibilityState === "hidden") sayLast(); });
  } catch (_) { /* the page comes first */ }
})();
