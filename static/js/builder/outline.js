// The outline, the accessible equal of the canvas: opens steps; its lines have the same "more" menu.
import { element } from "./dom.js";
import { create as createTabs } from "./tabs.js";

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board */
export function create(board) {
  const stop = new AbortController();
  const list = document.createElement("div"); // until the outline is needed, and then its home
  const lines = /** @type {HTMLElement} */ (board.root.querySelector("#outline-lines"));
  lines.replaceWith(list);
  const narrow = matchMedia("(max-width: 720px)");

  /** Parse the lines once somebody looks at them, an edit changes them, or there is time. */
  function fill() {
    if (list.firstElementChild) return;
    list.append(element(lines.textContent ?? ""));
    board.selection.update();
  }

  const tabs = createTabs(/** @type {HTMLElement} */ (board.root.querySelector(".side.start [role=tablist]")), (id) => { if (id === "tab-outline") fill(); });
  const fit = () => tabs.show(narrow.matches || !board.mayEdit ? "tab-outline" : "tab-add"); // a phone has the outline for a canvas
  const links = () => [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[data-open]"))];

  list.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-open]"));
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const key = link.dataset.open ?? "";
    if (event.shiftKey) return board.selection.toggle(key);
    board.selection.set([key]);
    board.viewport.center(key);
    board.inspector.open(key).then(() => { if (!board.canvas.offsetParent) board.inspector.focus(); });
  }, { signal: stop.signal });

  list.addEventListener("keydown", (event) => {
    const all = links();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    const key = all[at]?.dataset.open ?? "";
    if (at >= 0 && event.key === "Delete" && board.mayEdit) {
      event.preventDefault();
      board.edits.remove([key]).then(() => links()[Math.min(at, links().length - 1)]?.focus(), board.refused);
    } else if (at >= 0 && event.key === "c" && board.mayEdit && board.letters && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      board.connections.open(key);
    } else if (at >= 0 && next !== undefined && all[next]) {
      event.preventDefault();
      all[next].focus();
    }
  }, { signal: stop.signal });

  narrow.addEventListener("change", fit, { signal: stop.signal });
  fit();
  setTimeout(fill, 1500);

  return {
    update: () => undefined,
    fill,
    /** Change between palette and outline, with the focus. */
    toggle() {
      const open = tabs.shown() === "tab-outline";
      tabs.show(open ? "tab-add" : "tab-outline", true);
      if (!open) (links().find((link) => link.getAttribute("aria-current")) ?? links()[0])?.focus();
    },
    show: (/** @type {string} */ id) => tabs.show(id),
    destroy: () => { tabs.destroy(); stop.abort(); },
  };
}
