// Tabs: a role=tablist whose buttons name their panels by aria-controls; arrows, Home and End move.

/** @param {HTMLElement} list @param {(id: string) => void} [shown] told the id of the tab that was chosen */
export function create(list, shown = () => undefined) {
  const stop = new AbortController();
  const tabs = () => [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[role=tab]"))];

  function show(/** @type {HTMLElement} */ chosen, focus = false) {
    for (const tab of tabs()) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !on;
    }
    if (focus) chosen.focus();
    shown(chosen.id);
  }

  function pressed(/** @type {KeyboardEvent} */ event) {
    const all = tabs();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    show(all[(next + all.length) % all.length], true);
  }

  list.addEventListener("click", (event) => {
    const tab = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role=tab]"));
    if (tab) show(tab);
  }, { signal: stop.signal });
  list.addEventListener("keydown", pressed, { signal: stop.signal });
  return {
    /** @param {string} id @param {boolean} [focus] */
    show(id, focus = false) {
      const tab = tabs().find((one) => one.id === id);
      if (tab) show(tab, focus);
    },
    shown: () => tabs().find((tab) => tab.getAttribute("aria-selected") === "true")?.id ?? "",
    destroy: () => stop.abort(),
  };
}
