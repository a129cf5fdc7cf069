// Where a step type is chosen: the palette at the left, or on narrow screens (and from the outline) the same list as a dialog.
import { create as createPalette } from "./palette.js";

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board @param {HTMLElement} panel the palette @param {HTMLDialogElement} dialog */
export function create(board, panel, dialog) {
  let after = "";
  const beside = createPalette(board, panel);
  const home = /** @type {HTMLElement} */ (dialog.querySelector(".palette"));
  home.append(...[...panel.childNodes].map((node) => node.cloneNode(true)));
  const label = home.querySelector("label");
  const input = /** @type {HTMLInputElement} */ (home.querySelector("input"));
  input.id = "find-step-dialog";
  if (label) label.htmlFor = input.id;
  const within = createPalette({ ...board, edits: { ...board.edits, add: (type) => board.edits.add(type, after ? { after } : {}) } }, home, () => dialog.close());

  return {
    update: () => undefined,
    /** @param {string} [key] the step after which it is added */
    open(key = "") {
      after = key;
      if (!key && panel.offsetParent === null && board.canvas.offsetParent) board.outline.show("tab-add");
      if (!key && panel.offsetParent) return beside.focus();
      dialog.showModal();
      within.focus();
    },
    destroy: () => { beside.destroy(); within.destroy(); },
  };
}
