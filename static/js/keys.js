// Single letters: `g` then a letter goes to a page, `?` lists the keys. They work outside fields only, and not at
// all where the reader has switched them off.

const PLACES = { h: "home", o: "orchestrations", r: "runs", i: "inbox", k: "knowledge" };

/** @param {EventTarget | null} target @returns {boolean} whether keys belong to a field there */
export function typing(target) {
  return target instanceof Element && target.closest("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]") !== null;
}

/** @param {KeyboardEvent} event @returns {boolean} whether this is a single letter for the page */
export function single(event) {
  return document.body.dataset.keys !== "off" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !typing(event.target) && !document.querySelector("dialog[open]");
}

function help() {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("keys"));
  dialog?.showModal();
}

/** @returns {{destroy: () => void}} */
export function create() {
  const stop = new AbortController();
  let going = -Infinity; // when g was pressed; 0 would be "just now" on a page that has just opened
  document.addEventListener("keydown", (event) => {
    if (!single(event)) return;
    const place = PLACES[/** @type {"h"} */ (event.key)];
    const link = place && performance.now() - going < 1500 && document.querySelector(`[data-place="${place}"]`);
    going = event.key === "g" ? performance.now() : -Infinity;
    if (event.key === "?") help();
    else if (link) /** @type {HTMLAnchorElement} */ (link).click();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { signal: stop.signal, capture: true });
  document.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("[data-close]")) /** @type {HTMLDialogElement | null} */ (target.closest("dialog"))?.close();
    if (target.closest("[data-open-keys]")) help();
  }, { signal: stop.signal });
  return { destroy: () => stop.abort() };
}
