/*
 * How long it takes from an event to its line on the live page.
 *
 * Law: it is measured on the server's clock: the difference of the two clocks is taken from the quickest of a few
 * questions (as NTP does). Of what had come before this page listened, nothing is measured.
 */
const SAMPLES = 100, ASKED = 5, CLOCK_EVERY_MS = 60000;
const PROMPT = /^(page\.visit|form\.submit|[a-z]+\.click)$/;
const samples = { prompt: [], gathered: [] };
let offset = null, quickest = Infinity, began = 0;

function here() { return performance.timeOrigin + performance.now(); }

// A frame has been drawn when the task after its callback runs.
function afterPaint(then) { requestAnimationFrame(function () { setTimeout(then, 0); }); }

/* Lines that were just shown. */
export function measure(lines) {
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

/* From now on what comes is measured. */
export function listening() { began = here() + (offset || 0); }

export function startClock() {
  askClock(ASKED);
  setInterval(function () { quickest = Infinity; askClock(ASKED); }, CLOCK_EVERY_MS);
}
