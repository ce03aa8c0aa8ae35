/*
 * The live page: lines appear at the top as they happen, and turn in place.
 *
 * Law: whatever came from a visitor is put in as text, never as markup. A line is shown once and in its place, however
 * often it is told: its seq is its key. Everything kept is bounded, and what is left out is counted. A filter hides
 * lines, which are kept beside those that are shown: all above `floor`. Below it are only lines of the filter that is
 * chosen, and under another one they are asked for anew.
 */
import { listening, measure, startClock } from "./delay.js";
import { isSifted, meets, query, startSifting, want } from "./sift.js";

var LINES = 300, HIDDEN = 700, HELD = 500, SETTLED_MS = 150, AGAIN_MS = 3000;
var feed = document.getElementById("feed"), state = document.getElementById("state");
var button = document.getElementById("pause"), bots = document.getElementById("bots");
var template = document.getElementById("line"), more = document.getElementById("more"), nothing = document.getElementById("nothing");
var after = feed.dataset.after, paused = false, source = null;
var held = [], dropped = { n: 0, seq: 0, mixed: false }, unseen = { n: 0, seq: 0 };
var lines = new WeakMap(), floor = 0, noneText = "", asking = null, timer = 0;

function say(said) { state.textContent = said; }

function grouped(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f"); }

// What is shown ---------------------------------------------------------------------------------------------------

// A remark that lines are left out is always shown: they may be of any kind.
function passes(line) { return Boolean(line.text) || ((line.lane !== "bot" || bots.checked) && meets(line)); }

function lineIn(item) {
  function said(name) { return item.querySelector('[data-is="' + name + '"]').textContent; }
  var line = { seq: Number(item.dataset.seq), group: item.dataset.group, action: item.dataset.action };
  ["who", "label", "where", "evidence"].forEach(function (name) { line[name] = said(name); });
  line.uuid = item.querySelector('[data-is="who"]').getAttribute("href").split("/").pop();
  line.lane = item.classList.contains("bot") ? "bot" : "";
  return line;
}

function sifted(item) { item.hidden = !passes(lines.get(item)); }

function isOnlyBots() {
  return Array.prototype.some.call(feed.children, function (item) { return item.hidden && meets(lines.get(item)); });
}

function tellNone() {
  var isEmpty = !feed.querySelector("li:not([hidden])"), onlyBots = isEmpty && !bots.checked && isOnlyBots();
  nothing.hidden = !isEmpty || Boolean(asking);
  nothing.firstElementChild.textContent = onlyBots ? "Only bots did this so far, and they are not shown." : noneText;
  nothing.lastElementChild.hidden = bots.checked && !isSifted();
}

// Lines that are hidden take no place of those that are shown.
function trim() {
  var shown = 0, hidden = 0;
  Array.from(feed.children).forEach(function (item) {
    if (item.hidden ? ++hidden <= HIDDEN : ++shown <= LINES) return;
    floor = Math.max(floor, Number(item.dataset.seq));
    item.remove();
  });
  tellNone();
}

// Something else is wanted.
function anew() {
  holdAnew();
  Array.from(feed.children).forEach(sifted);
  asking = {};
  trim();
  clearTimeout(timer);
  timer = setTimeout(askOlder, SETTLED_MS);
  if (paused) sayHeld();
}

function askOlder() {
  var mine = asking = { turned: {}, floor: floor };
  history.replaceState(null, "", "/live" + query());
  fetch("/live/lines.json" + query({ noBots: !bots.checked }), { credentials: "same-origin" }).then(
    function (answer) { return answer.ok ? answer.json() : null; }
  ).catch(function () { return null; }).then(function (answer) {
    if (mine !== asking) return;
    asking = null;
    Array.from(feed.children).forEach(function (item) {
      if (Number(item.dataset.seq) <= mine.floor) item.remove();
    });
    (answer ? answer.lines : []).forEach(function (line) {
      if (line.seq <= mine.floor) put(mine.turned[line.seq] || line);
    });
    noneText = answer ? answer.none : "Earlier events cannot be read now.";
    trim();
  });
}

// Lines -----------------------------------------------------------------------------------------------------------

function shownIn(item, line) {
  lines.set(item, line);
  item.className = line.kind + " " + line.lane + (line.evidence ? " hot" : "");
  item.dataset.seq = line.seq;
  item.dataset.group = line.group;
  item.dataset.action = line.action;
  item.querySelectorAll("[data-is]").forEach(function (part) {
    var is = part.dataset.is;
    if (is === "lane") {
      part.className = "lane " + line.lane;
      part.textContent = line.lane_word;
    } else if (is === "evidence") {
      part.textContent = line.evidence ? "longer than usual: " + line.evidence : "";
    } else part.textContent = line[is];
    if (is === "clock") part.setAttribute("datetime", line.iso);
    if (is === "who") part.setAttribute("href", "/visitors/" + encodeURIComponent(line.uuid));
  });
  sifted(item);
}

function itemOf(seq) { return feed.querySelector('[data-seq="' + Number(seq) + '"]'); }

// The latest is at the top. Of the remark that lines are left out, the seq lies just below that of the line after them.
function place(item, seq) {
  var next = feed.firstElementChild;
  while (next && Number(next.dataset.seq) > seq) next = next.nextElementSibling;
  feed.insertBefore(item, next);
}

function put(line) {
  if (itemOf(line.seq)) return null;
  var item = template.content.firstElementChild.cloneNode(true);
  shownIn(item, line);
  place(item, line.seq);
  return item;
}

function remark(line) {
  var item = itemOf(line.seq) || more.content.firstElementChild.cloneNode(true);
  lines.set(item, line);
  item.dataset.seq = line.seq;
  item.textContent = line.text + (line.mixed || (line.mixed === undefined && isSifted()) ? " of any kind" : "");
  place(item, line.seq);
  floor = Math.max(floor, line.seq);
}

function add(told) {
  var added = [];
  told.forEach(function (line) {
    if (line.text) return remark(line);
    var item = put(line);
    if (!item) return;
    item.classList.add("new");
    if (!item.hidden) added.push(line);
  });
  trim();
  return added;
}

function hold(told) {
  told.forEach(function (line) {
    if (!held.some(function (other) { return other.seq === line.seq; })) held.push(line);
  });
  var shown = 0, hidden = 0;
  for (var i = held.length - 1; i >= 0; i--) {
    var isShown = passes(held[i]);
    if (isShown ? ++shown > HELD : ++hidden > HELD) lose(held.splice(i, 1)[0], isShown ? dropped : unseen);
  }
  sayHeld();
}

function lose(line, among) {
  among.n += line.n || 1;
  among.seq = Math.max(among.seq, line.seq);
  if (line.text && isSifted()) among.mixed = true;
}

// Of what is held for another filter some may be lost that this one would show: what is above it is whole.
function holdAnew() {
  if (unseen.n) {
    held = held.filter(function (line) {
      if (line.seq <= unseen.seq) lose(line, dropped);
      return line.seq > unseen.seq;
    });
    dropped.n += unseen.n;
    dropped.seq = Math.max(dropped.seq, unseen.seq);
    unseen = { n: 0, seq: 0 };
  }
  dropped.mixed = dropped.n > 0;
}

function sayHeld() {
  var waiting = 0, any = 0;
  held.forEach(function (line) {
    if (line.text && isSifted()) any += line.n; else if (passes(line)) waiting += line.n || 1;
  });
  if (dropped.mixed) any += dropped.n; else waiting += dropped.n;
  var said = waiting || !any ? [grouped(waiting)] : [];
  if (any) said.push(grouped(any) + " of any kind");
  say(waiting || any ? said.join(" and ") + " waiting" : "Paused");
}

function release() {
  var told = held.splice(0);
  if (dropped.n) {
    told.unshift({ seq: dropped.seq + 0.5, text: "and " + grouped(dropped.n) + " more", mixed: dropped.mixed });
  }
  floor = Math.max(floor, unseen.seq);
  dropped = { n: 0, seq: 0, mixed: false };
  unseen = { n: 0, seq: 0 };
  add(told);
}

function turn(turned) {
  turned.forEach(function (line) {
    var item = itemOf(line.seq);
    for (var i = 0; i < held.length; i++) if (held[i].seq === line.seq) held[i] = line;
    if (asking && asking.turned) asking.turned[line.seq] = line;
    if (!item) return;
    var was = item.querySelector('[data-is="lane"]').textContent;
    shownIn(item, line);
    if (was !== line.lane_word) item.classList.add("turned");
  });
  if (turned.length) trim();
}

// The stream ------------------------------------------------------------------------------------------------------

function onLines(event) {
  var data = JSON.parse(event.data);
  after = event.lastEventId || after;
  turn(data.turned);
  if (paused) hold(data.lines);
  else {
    say("Listening");
    measure(add(data.lines));
  }
}

function onSkipped(event) {
  var data = JSON.parse(event.data), line = { seq: data.seq - 0.5, text: data.text, n: data.n };
  if (paused) hold([line]);
  else add([line]);
}

function open() {
  var mine = source = new EventSource("/live/stream?after=" + encodeURIComponent(after));
  mine.addEventListener("open", function () {
    listening();
    if (paused) sayHeld(); else say("Listening");
  });
  mine.addEventListener("skipped", onSkipped);
  mine.addEventListener("lines", onLines);
  mine.addEventListener("trouble", function (event) { say("The store cannot be read: " + JSON.parse(event.data).message); });
  mine.addEventListener("reset", function () { location.reload(); });
  mine.addEventListener("error", function () {
    say("Not connected; trying again");
    // While it is connecting the browser tries by itself; an answer that is no stream ends its patience, not ours.
    if (mine.readyState === EventSource.CLOSED && mine === source) {
      setTimeout(function () { if (mine === source) open(); }, AGAIN_MS);
    }
  });
}

// Six connections are all that a browser has for us (HTTP/1.1): a tab that nobody sees gives its own back.
document.addEventListener("visibilitychange", function () {
  if (document.hidden && source) {
    source.close();
    source = null;
  } else if (!document.hidden && !source) open();
});

button.addEventListener("click", function () {
  paused = !paused;
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? "Go on" : "Pause";
  say(paused ? "Paused" : "Listening");
  if (!paused) release();
});
bots.addEventListener("change", anew);
nothing.lastElementChild.addEventListener("click", function (event) {
  event.preventDefault();
  bots.checked = true;
  want({ kind: "", unusual: false, q: "" });
});
document.getElementById("tools").hidden = false;
document.getElementById("delays").hidden = false;
startSifting(anew);
noneText = nothing.firstElementChild.textContent;
Array.from(feed.children).forEach(function (item) { lines.set(item, lineIn(item)); });
floor = feed.dataset.sifted || !feed.lastElementChild ? parseInt(after, 10) : Number(feed.lastElementChild.dataset.seq) - 1;
Array.from(feed.children).forEach(sifted);
tellNone();
say("Connecting");
startClock();
open();
