// Copy, cut and paste of steps, through the system's clipboard, so that they go from one draft to another.
import { typing } from "../canvas/typing.js";

/** @typedef {import("./page.js").Board} Board */

const MARK = "orchestrator/steps";

/** @param {Board} board */
export function create(board) {
  const stop = new AbortController();
  /** @type {Map<string, any>} what was selected last, as the document has it, so that a copy needs no waiting */
  let held = new Map();

  /** Ask the server for what is selected: the page shows cards, not configs. */
  async function hold() {
    const keys = board.selection.keys();
    held = new Map();
    if (!keys.length || !board.mayEdit) return;
    const query = new URLSearchParams(keys.map((key) => ["step", key]));
    try {
      const response = await fetch(`${board.root.dataset.lot}?${query}`, { headers: { Accept: "application/json" } });
      if (response.ok) held = new Map([[keys.join(" "), await response.json()]]);
    } catch {
      held = new Map(); // the server is not there: a copy does nothing, and the next edit says why
    }
  }

  function elsewhere(/** @type {Event} */ event) {
    return typing(event.target) || (document.getSelection()?.toString() ?? "") !== "";
  }

  function copy(/** @type {ClipboardEvent} */ event) {
    const keys = board.selection.keys();
    const fragment = held.get(keys.join(" "));
    if (elsewhere(event) || !fragment) return;
    event.preventDefault();
    event.clipboardData?.setData("text/plain", JSON.stringify({ [MARK]: 1, ...fragment }, null, 2));
    if (event.type === "cut") board.edits.remove(keys).catch(board.refused);
    else board.says.toast(keys.length === 1 ? "Step copied" : `${keys.length} steps copied`);
  }

  function paste(/** @type {ClipboardEvent} */ event) {
    if (elsewhere(event) || !board.mayEdit) return;
    let fragment;
    try {
      fragment = JSON.parse(event.clipboardData?.getData("text/plain") ?? "");
    } catch {
      return; // other text on the clipboard is none of the canvas's business
    }
    if (fragment?.[MARK] !== 1) return;
    event.preventDefault();
    board.edits.paste({ steps: fragment.steps, edges: fragment.edges }, board.edits.middle()).catch(board.refused);
  }

  const options = { signal: stop.signal };
  board.root.addEventListener("selection", hold, options);
  board.root.addEventListener("applied", hold, options);
  for (const kind of /** @type {const} */ (["copy", "cut"])) document.addEventListener(kind, copy, options);
  document.addEventListener("paste", paste, options);
  return { update: hold, destroy: () => stop.abort() };
}
