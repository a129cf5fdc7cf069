// Problems: each jumps to its step and field; F8 goes to the next one.

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board @param {HTMLElement} home */
export function create(board, home) {
  const stop = new AbortController();
  let at = -1;
  const links = () => [.../** @type {NodeListOf<HTMLElement>} */ (home.querySelectorAll("[data-jump]"))];

  async function jump(/** @type {HTMLElement | undefined} */ link) {
    if (!link) return;
    const step = link.dataset.jump ?? "";
    if (step) {
      board.selection.set([step]);
      board.viewport.center(step);
    }
    await board.inspector.open(step);
    board.inspector.focus(link.dataset.field);
  }

  home.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-jump]"));
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    at = links().indexOf(link);
    jump(link);
  }, { signal: stop.signal });

  return {
    update: () => { at = Math.min(at, links().length - 1); },
    /** @param {1 | -1} way */
    next(way) {
      const all = links();
      if (!all.length) return;
      at = (at + way + all.length) % all.length;
      jump(all[at]);
    },
    destroy: () => stop.abort(),
  };
}
