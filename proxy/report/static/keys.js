/*
 * Keys of the report: what has a `data-key` is pressed by it, and `?` lists them all.
 *
 * Law: a key is only taken where nobody types, and never together with Ctrl, Alt or Meta, which are the browser's. Whoever
 * speaks to the browser, or presses keys by accident, can turn them off (WCAG 2.1.4); this browser remembers it.
 */
(function () {
  "use strict";
  document.documentElement.classList.add("scripted");
  var OFF = "footfall-keys-off", list = document.getElementById("keys");
  var on = document.getElementById("keys-on"), table = document.getElementById("keys-table");

  function kept() { try { return localStorage.getItem(OFF) !== "1"; } catch (_) { return true; } }
  function keep(is) { try { is ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"); } catch (_) { return; } }

  function row(key, text) {
    var line = table.insertRow(), head = document.createElement("th"), name = document.createElement("kbd");
    head.scope = "row";
    name.textContent = key;
    head.appendChild(name);
    line.appendChild(head);
    line.insertCell().textContent = text;
  }

  function show() {
    table.textContent = "";
    document.querySelectorAll("[data-key]").forEach(function (one) {
      row(one.dataset.key, one.dataset.does || one.textContent.trim());
    });
    row("?", "These keys");
    on.checked = kept();
    list.showModal();
  }

  on.addEventListener("change", function () { keep(on.checked); });
  document.getElementById("keys-open").addEventListener("click", show);
  addEventListener("keydown", function (event) {
    // AltGr, by which [ and ] are typed on many keyboards, is Ctrl and Alt on Windows.
    var isHeld = (event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph");
    if (isHeld || event.metaKey || event.repeat || list.open || !kept()) return;
    if (event.target.closest && event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    if (event.key === "?") return show();
    var found = document.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
    if (!found) return;
    event.preventDefault();
    if (found.matches("input:not([type=checkbox])")) found.focus(); else found.click();
  });
})();
