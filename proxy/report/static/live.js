/*
 * The live page: lines appear at the top as they happen, and turn in place.
 *
 * Law: whatever came from a visitor is put in as text, never as markup. A line is shown once and in its place, however
 * often it is told: its seq is its key. Everything kept is bounded, and what is left out is counted. The delay is measured
 * on the server's clock: the difference of the two clocks is taken from the quickest of a few questions (as NTP does).
 */
(function () {
  "use strict";
  var LINES = 300, HELD = 500, SAMPLES = 100, AGAIN_MS = 3000, ASKED = 5, CLOCK_EVERY_MS = 60000;
  var PROMPT = /^(page\.visit|form\.submit|[a-z]+\.click)$/;
  var feed = document.getElementById("feed"), state = document.getElementById("state");
  var button = document.getElementById("pause"), bots = document.getElementById("bots");
  var template = document.getElementById("line"), more = document.getElementById("more"), nothing = document.getElementById("nothing");
  var after = feed.dataset.after, paused = false, held = [], dropped = 0, source = null;
  var offset = null, quickest = Infinity, began = 0;
  var samples = { prompt: [], gathered: [] };

  function say(text) { state.textContent = text; }
  function here() { return performance.timeOrigin + performance.now(); }

  function grouped(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f"); }

  function shownIn(item, line) {
    item.className = line.kind + " " + line.lane + (line.evidence ? " hot" : "");
    item.dataset.seq = line.seq;
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
  }

  function itemOf(seq) { return feed.querySelector('[data-seq="' + Number(seq) + '"]'); }

  // The latest is at the top. Of the remark that lines are left out, the seq lies just below that of the line after them.
  function place(item, seq) {
    var next = feed.firstElementChild;
    while (next && Number(next.dataset.seq) > seq) next = next.nextElementSibling;
    feed.insertBefore(item, next);
  }

  function remark(seq, text) {
    var item = itemOf(seq) || more.content.firstElementChild.cloneNode(true);
    item.dataset.seq = seq;
    item.textContent = text;
    place(item, seq);
  }

  function add(lines) {
    var added = [];
    lines.forEach(function (line) {
      if (line.text) return remark(line.seq, line.text);
      if (itemOf(line.seq)) return;
      var item = template.content.firstElementChild.cloneNode(true);
      shownIn(item, line);
      item.classList.add("new");
      place(item, line.seq);
      added.push(line);
    });
    while (feed.children.length > LINES) feed.lastElementChild.remove();
    nothing.hidden = feed.children.length > 0;
    return added;
  }

  function hold(lines) {
    lines.forEach(function (line) {
      if (!held.some(function (other) { return other.seq === line.seq; })) held.push(line);
    });
    while (held.length > HELD) dropped += held.shift().n || 1;
    say(grouped(held.reduce(function (sum, line) { return sum + (line.n || 1); }, dropped)) + " waiting");
  }

  function release() {
    var lines = held.splice(0);
    if (dropped) lines.unshift({ seq: lines[0].seq - 0.5, text: "and " + grouped(dropped) + " more" });
    dropped = 0;
    add(lines);
  }

  function turn(lines) {
    lines.forEach(function (line) {
      var item = itemOf(line.seq);
      for (var i = 0; i < held.length; i++) if (held[i].seq === line.seq) held[i] = line;
      if (!item) return;
      var was = item.querySelector('[data-is="lane"]').textContent;
      shownIn(item, line);
      if (was !== line.lane_word) item.classList.add("turned");
    });
  }

  // A frame has been drawn when the task after its callback runs.
  function afterPaint(then) { requestAnimationFrame(function () { setTimeout(then, 0); }); }

  function measure(lines) {
    var live = lines.filter(function (line) { return line.received >= began && line.kind !== "session"; });
    if (!live.length || offset === null || document.hidden) return;
    afterPaint(function () {
      var now = here() + offset;
      live.forEach(function (line) {
        var list = samples[PROMPT.test(line.action) ? "prompt" : "gathered"];
        list.push(Math.max(0, now - line.time));
        if (list.length > SAMPLES) list.shift();
      });
      tell("prompt");
      tell("gathered");
    });
  }

  function rank(sorted, part) { return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)]; }

  function tell(name) {
    var list = samples[name], cells = document.getElementById(name).querySelectorAll("td");
    if (!list.length) return;
    var sorted = list.slice().sort(function (a, b) { return a - b; });
    [list[list.length - 1], rank(sorted, 0.5), rank(sorted, 0.95)].forEach(function (ms, i) {
      cells[i].textContent = Math.round(ms) + "\u202fms";
      cells[i].dataset.ms = ms.toFixed(1);
    });
    cells[3].textContent = list.length;
  }

  function askClock(left) {
    var sent = here();
    fetch("/live/clock.json", { credentials: "same-origin" }).then(function (answer) { if (answer.ok) return answer.json(); }).then(
      function (answer) {
        var took = here() - sent;
        if (!answer) return;  // signed out, say; asked again in a minute
        if (took <= quickest) {
          quickest = took;
          // The server's time is a whole millisecond, on average half a one ago.
          offset = answer.now + 0.5 - (sent + took / 2);
        }
        if (left > 1) askClock(left - 1);
      },
      function () { /* asked again in a minute */ }
    );
  }

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
      began = here() + (offset || 0);
      say(paused ? "Paused" : "Listening");
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
  bots.addEventListener("change", function () { feed.classList.toggle("bots", bots.checked); });
  document.getElementById("tools").hidden = false;
  document.getElementById("delays").hidden = false;
  feed.classList.toggle("bots", bots.checked);
  say("Connecting");
  askClock(ASKED);
  setInterval(function () { quickest = Infinity; askClock(ASKED); }, CLOCK_EVERY_MS);
  open();
})();
