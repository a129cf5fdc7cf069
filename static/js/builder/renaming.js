// Changing a step's key, which expressions use; what reads it follows.

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board @param {HTMLDialogElement} dialog */
export function create(board, dialog) {
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const input = /** @type {HTMLInputElement} */ (dialog.querySelector("[name=key]"));
  const error = /** @type {HTMLElement} */ (dialog.querySelector("[data-error]"));
  let key = "";

  function say(/** @type {string} */ words) {
    error.textContent = words;
    /** @type {HTMLElement} */ (error.closest(".error")).hidden = !words;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const to = input.value.trim();
    if (to === key) return dialog.close();
    board.edits.rename(key, to).then(() => {
      dialog.close();
      board.selection.set([to]);
    }, (why) => say(why.message));
  });

  return {
    update: () => undefined,
    /** @param {string} step */
    open(step) {
      key = step;
      input.value = step;
      say("");
      dialog.showModal();
      input.select();
    },
    destroy: () => dialog.close(),
  };
}
