// The two things on this shop's pages that move: the sum of an order, and a password that can be looked at.
(() => {
  "use strict";
  const sum = document.querySelector("[data-sum]");
  const pieces = document.querySelector("[data-pieces]");
  document.addEventListener("input", ({ target }) => {
    if (!sum || target.name !== "quantity" || !target.validity.valid || !target.value) return;
    pieces.textContent = target.value;
    sum.textContent = target.value * sum.dataset.sum;
  });
  document.addEventListener("click", ({ target }) => {
    const field = target.dataset?.shows && document.getElementById(target.dataset.shows);
    if (!field) return;
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    target.textContent = shown ? "Show" : "Hide";
    target.setAttribute("aria-pressed", String(!shown));
  });
})();
