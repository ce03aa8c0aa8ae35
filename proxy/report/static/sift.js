/*
 * Which events the live page is to show: what is chosen there, and what its address says.
 *
 * Law: it means what it means to the server (sifting.py), which shows the same without a script. The page's address and
 * its links always say what is chosen.
 */
const form = document.getElementById("sift"), kinds = form.querySelectorAll("[data-kind]");
const unusual = form.elements.unusual, text = form.elements.q;
let wanted = wantedHere();

function wantedHere() {
  const current = form.querySelector("[data-kind][aria-current]");
  return { kind: current ? current.dataset.kind : "", unusual: unusual.checked, q: text.value.trim() };
}

export function isSifted() { return Boolean(wanted.kind || wanted.unusual || wanted.q); }

/* What an address says to ask for what is chosen, but for `other`. */
export function query(other) {
  const pairs = new URLSearchParams(), asked = Object.assign({}, wanted, other);
  if (asked.kind) pairs.set("kind", asked.kind);
  if (asked.unusual) pairs.set("unusual", "1");
  if (asked.q) pairs.set("q", asked.q);
  if (asked.noBots) pairs.set("bots", "0");
  return String(pairs) && "?" + pairs;
}

/* Whether a line is one of those that are chosen, as Sieve.passes says it. */
export function meets(line) {
  if (wanted.kind && line.group !== wanted.kind) return false;
  if (wanted.unusual && !line.evidence) return false;
  const q = wanted.q.toLowerCase();
  return !q || line.uuid.startsWith(q) || [line.where, line.who, line.action, line.label].some(function (part) {
    return part.toLowerCase().includes(q);
  });
}

let changed = null;

/* Choose something else: `kind`, `unusual` or `q`. */
export function want(other) {
  wanted = Object.assign({}, wanted, other);
  if (text.value.trim() !== wanted.q) text.value = wanted.q;
  unusual.checked = wanted.unusual;
  kinds.forEach(function (link) {
    const kind = link.dataset.kind;
    if (kind === wanted.kind) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    link.setAttribute("href", "/live" + query(narrowed(kind)));
  });
  document.querySelectorAll("[data-like]").forEach(function (link) {
    link.setAttribute("href", link.dataset.like + query());
  });
  changed();
}

// Nothing but a hover is longer than usual.
function narrowed(kind) { return { kind: kind, unusual: wanted.unusual && kind === "hover" }; }

/* Let people choose; `then` is called after each choice. */
export function startSifting(then) {
  changed = then;
  form.querySelector("button").hidden = true;
  kinds.forEach(function (link) {
    link.addEventListener("click", function (event) {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;  // in another tab
      event.preventDefault();
      want(narrowed(link.dataset.kind));
    });
  });
  unusual.addEventListener("change", function () {
    want({ unusual: unusual.checked, kind: unusual.checked ? "hover" : wanted.kind });
  });
  text.addEventListener("input", function () { want({ q: text.value.trim() }); });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
}
