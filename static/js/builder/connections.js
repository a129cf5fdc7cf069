// What a step leads to, as a dialog: for the keyboard (c), the outline and the phone. Choose a port, then a step.
import { iconButton } from "./dom.js";

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board @param {HTMLDialogElement} dialog */
export function create(board, dialog) {
  const stop = new AbortController();
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const port = /** @type {HTMLSelectElement} */ (dialog.querySelector("[name=port]"));
  const target = /** @type {HTMLSelectElement} */ (dialog.querySelector("[name=target]"));
  const list = /** @type {HTMLElement} */ (dialog.querySelector("[data-list]"));
  const error = /** @type {HTMLElement} */ (dialog.querySelector("[data-error]"));
  const title = /** @type {HTMLElement} */ (dialog.querySelector("h2"));
  let key = "";
  /** @type {Element | null} */
  let opener = null;

  const ports = () => [.../** @type {NodeListOf<HTMLElement>} */ (board.root.querySelectorAll(`.step[data-key="${CSS.escape(key)}"] [data-port]`))];

  const named = (/** @type {HTMLElement} */ one) => one.textContent?.trim() || one.title || one.dataset.port || "";
  const label = (/** @type {string} */ name) => named(ports().find((one) => one.dataset.port === name) ?? Object.assign(document.createElement("i"), { title: name }));

  function say(/** @type {string} */ words) {
    const line = /** @type {HTMLElement} */ (error.closest(".error"));
    line.hidden = !words;
    error.textContent = words;
  }

  /** Steps that this port may lead to; the others are offered with the reason, and cannot be chosen. */
  function targets() {
    const model = board.model();
    const chosen = target.value;
    const options = [...model.titles].filter(([other]) => other !== key).map(([other, name]) => {
      const why = model.refusal(key, port.value, other);
      const option = new Option(why ? `${name} (${why.replace(/\.$/, "")})` : name, other);
      option.disabled = why !== "";
      return option;
    });
    target.replaceChildren(...options);
    const free = options.find((option) => option.value === chosen && !option.disabled) ?? options.find((option) => !option.disabled);
    target.value = free?.value ?? "";
  }

  function lines() {
    const model = board.model();
    const rows = model.out(key).map((edge) => {
      const row = document.createElement("li");
      row.className = "row";
      const words = document.createElement("span");
      words.textContent = `${label(edge.port)} → ${model.title(edge.target)}`;
      const remove = iconButton("close", `Disconnect ${label(edge.port)} from ${model.title(edge.target)}`);
      remove.classList.add("push");
      remove.addEventListener("click", () => board.edits.disconnect(`${edge.source}:${edge.port}:${edge.target}`).then(draw, refused));
      row.append(words, remove);
      return row;
    });
    if (!rows.length) {
      const none = document.createElement("li");
      none.className = "muted";
      none.textContent = "It leads to no step yet.";
      rows.push(none);
    }
    list.replaceChildren(...rows);
  }

  function draw() {
    lines();
    targets();
  }

  function refused(/** @type {import("./exchange.js").Refusal} */ why) {
    say(why.message);
  }

  function submit(/** @type {SubmitEvent} */ event) {
    event.preventDefault();
    if (!target.value) return say("There is no step that it could lead to from there.");
    board.edits.connect(key, port.value, target.value).then(() => dialog.close(), refused);
  }

  form.addEventListener("submit", submit, { signal: stop.signal });
  port.addEventListener("change", targets, { signal: stop.signal });
  dialog.addEventListener("close", () => {
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    else /** @type {HTMLElement | null} */ (board.root.querySelector(`.step[data-key="${CSS.escape(key)}"]`))?.focus({ preventScroll: true });
  }, { signal: stop.signal });

  return {
    update: () => dialog.open && draw(),
    /** @param {string} step */
    open(step) {
      key = step;
      opener = document.activeElement;
      title.textContent = `Connect ${board.model().title(key)}`;
      port.replaceChildren(...ports().map((one) => new Option(named(one), one.dataset.port)));
      const usual = ports().find((one) => one.classList.contains("usual"));
      if (usual) port.value = usual.dataset.port ?? "";
      say("");
      draw();
      dialog.showModal();
      (port.options.length > 1 ? port : target).focus();
    },
    destroy: () => stop.abort(),
  };
}
