// What is selected: one set for canvas and outline, kept in the DOM (`.selected`), told by a "selection" event.

/** @param {HTMLElement} root @returns the selection: keys of steps, or one edge's id */
export function create(root) {
  const cards = () => /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".step[data-key]"));
  /** @type {string[]} */
  let keys = [];
  let edge = "";

  function show() {
    const chosen = new Set(keys);
    for (const card of cards()) {
      const on = chosen.has(card.dataset.key ?? "");
      if (card.classList.contains("selected") !== on) card.classList.toggle("selected", on);
      card.setAttribute("aria-selected", String(on));
    }
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("#outline > li"))) {
      const on = chosen.has(item.dataset.key ?? "");
      item.classList.toggle("selected", on);
      const link = item.querySelector("a");
      if (on) link?.setAttribute("aria-current", "true");
      else link?.removeAttribute("aria-current");
    }
    for (const path of root.querySelectorAll(".edge")) path.classList.toggle("chosen", path.getAttribute("data-id") === edge && edge !== "");
  }

  function tell(/** @type {string[]} */ before) {
    show();
    root.dispatchEvent(new CustomEvent("selection", { detail: { keys: [...keys], edge, before } }));
  }

  function set(/** @type {string[]} */ next) {
    const before = keys;
    const same = !edge && before.length === next.length && next.every((key) => before.includes(key));
    keys = [...new Set(next)];
    edge = "";
    if (same) show();
    else tell(before);
  }

  return {
    keys: () => [...keys],
    edge: () => edge,
    has: (/** @type {string} */ key) => keys.includes(key),
    set,
    /** @param {string} key */
    toggle: (key) => set(keys.includes(key) ? keys.filter((other) => other !== key) : [...keys, key]),
    /** @param {string} id */
    setEdge(id) {
      const before = keys;
      keys = [];
      edge = id;
      tell(before);
    },
    /** After steps came or went: forget those that are no more, mark the rest. */
    update() {
      const there = new Set([...cards()].map((card) => card.dataset.key));
      const left = keys.filter((key) => there.has(key));
      if (edge && !root.querySelector(`.edge[data-id="${CSS.escape(edge)}"]`)) edge = "";
      if (left.length === keys.length) return show();
      set(left);
    },
    destroy: () => set([]),
  };
}
