// Publish: asks for a note in a dialog; without script the same form is a page of its own.

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board */
export function create(board) {
  const stop = new AbortController();
  const dialog = /** @type {HTMLDialogElement} */ (board.root.querySelector("#publish"));
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const revision = /** @type {HTMLInputElement} */ (form.querySelector("[name=revision]"));

  board.root.addEventListener("click", async (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-act=publish]");
    if (!button || /** @type {MouseEvent} */ (event).ctrlKey) return;
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return board.problems.next(1);
    await board.exchange.settled(); // the last field's edit belongs to what is published
    revision.value = board.root.dataset.revision ?? "";
    dialog.showModal();
  }, { signal: stop.signal });
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  }, { signal: stop.signal });
  return { update: () => undefined, destroy: () => stop.abort() };
}
