// The "more" menu of a step, the same from its outline line and from its inspector.

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board @param {HTMLElement} menu role=menu with popover; its items carry data-do */
export function create(board, menu) {
  const stop = new AbortController();
  let key = "";
  /** @type {HTMLElement | null} */
  let opener = null;
  const items = () => [.../** @type {NodeListOf<HTMLElement>} */ (menu.querySelectorAll("[role=menuitem]"))];

  /** @type {Record<string, () => unknown>} */
  const acts = {
    open: () => { board.selection.set([key]); board.inspector.focus(); },
    add: () => board.adding.open(key),
    connect: () => board.connections.open(key),
    duplicate: () => board.edits.duplicate([key]).catch(board.refused),
    key: () => board.renaming.open(key),
    remove: () => board.edits.remove([key]).catch(board.refused),
  };

  function open(/** @type {HTMLElement} */ button) {
    key = button.dataset.more ?? "";
    opener = button;
    menu.setAttribute("aria-label", `More for ${board.model().title(key)}`);
    menu.showPopover();
    const at = button.getBoundingClientRect();
    menu.style.left = `${Math.max(8, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${at.bottom + 4 + menu.offsetHeight > innerHeight ? Math.max(8, at.top - menu.offsetHeight - 4) : at.bottom + 4}px`;
    items()[0]?.focus();
  }

  function pressed(/** @type {KeyboardEvent} */ event) {
    const all = items();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    all[(next + all.length) % all.length].focus();
  }

  board.root.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-more]"));
    if (button) open(button);
  }, { signal: stop.signal });
  menu.addEventListener("click", (event) => {
    const item = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-do]"));
    if (!item) return;
    menu.hidePopover();
    acts[item.dataset.do ?? ""]?.();
  }, { signal: stop.signal });
  menu.addEventListener("keydown", pressed, { signal: stop.signal });
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "closed" && menu.contains(document.activeElement)) opener?.focus();
  }, { signal: stop.signal });
  return { update: () => undefined, destroy: () => stop.abort() };
}
