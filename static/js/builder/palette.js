// Adding steps: click a type, drag it onto the canvas or an edge, or press / and type its name.
import { nearest } from "../canvas/edges.js";

/** @typedef {import("./page.js").Board} Board */

const SLACK = 5;

/** @param {Board} board @param {HTMLElement} home the palette @param {() => void} [done] called once a step was chosen */
export function create(board, home, done = () => undefined) {
  const { canvas, graph, viewport } = board;
  const find = /** @type {HTMLInputElement} */ (home.querySelector("input[type=search]"));
  const stop = new AbortController();
  /** @type {null | {id: number, x: number, y: number, button: HTMLElement, ghost: HTMLElement | null, onto: SVGPathElement | null}} */
  let drag = null;
  let dragged = false;

  const types = () => [.../** @type {NodeListOf<HTMLElement>} */ (home.querySelectorAll("[data-add]"))];
  const offered = () => types().filter((button) => !button.closest("li")?.hidden && button.getAttribute("aria-disabled") !== "true");

  function filter() {
    const words = find.value.trim().toLowerCase();
    for (const button of types()) {
      const item = /** @type {HTMLElement} */ (button.closest("li"));
      item.hidden = words !== "" && !`${button.textContent} ${button.dataset.add} ${button.title}`.toLowerCase().includes(words);
    }
    for (const group of /** @type {NodeListOf<HTMLElement>} */ (home.querySelectorAll("[data-group]"))) group.hidden = !group.querySelector("li:not([hidden])");
    for (const none of /** @type {NodeListOf<HTMLElement>} */ (home.querySelectorAll("[data-none]"))) none.hidden = home.querySelector("li:not([hidden])") !== null;
  }

  function choose(/** @type {HTMLElement | undefined} */ button) {
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    find.value = "";
    filter();
    done();
    board.edits.add(button.dataset.add ?? "").catch(board.refused);
  }

  function click(/** @type {Event} */ event) {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-add]"));
    if (button && !dragged) choose(button);
    dragged = false;
  }

  function typed(/** @type {KeyboardEvent} */ event) {
    const list = offered();
    const at = list.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (event.key === "Enter" && event.target === find) {
      event.preventDefault();
      choose(list[0]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = list[at + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) next.focus();
      else if (event.key === "ArrowUp") find.focus();
    } else if (event.key === "Escape" && event.target === find && find.value) {
      event.stopPropagation();
      find.value = "";
      filter();
    }
  }

  function press(/** @type {PointerEvent} */ event) {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-add]"));
    dragged = false;
    if (!button || event.button !== 0 || button.getAttribute("aria-disabled") === "true") return;
    drag = { id: event.pointerId, x: event.clientX, y: event.clientY, button, ghost: null, onto: null };
  }

  function track(/** @type {PointerEvent} */ event) {
    if (!drag || event.pointerId !== drag.id) return;
    if (!drag.ghost) {
      if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < SLACK) return;
      drag.button.setPointerCapture(event.pointerId);
      drag.ghost = document.createElement("div");
      drag.ghost.className = "ghost step";
      drag.ghost.append(...[...drag.button.childNodes].map((node) => node.cloneNode(true)));
      document.body.append(drag.ghost);
      dragged = true;
    }
    drag.ghost.style.left = `${event.clientX - 108}px`;
    drag.ghost.style.top = `${event.clientY - 26}px`;
    const over = canvas.contains(document.elementFromPoint(event.clientX, event.clientY));
    const edge = over ? nearest(graph, viewport.toGraph(event.clientX, event.clientY), 40) : null;
    if (edge !== drag.onto) {
      drag.onto?.classList.remove("aimed");
      drag.onto = edge?.dataset.id ? edge : null;
      drag.onto?.classList.add("aimed");
    }
  }

  function drop(/** @type {PointerEvent} */ event) {
    if (!drag || event.pointerId !== drag.id) return;
    const { button, ghost, onto } = drag;
    cancel();
    if (!ghost || event.type !== "pointerup") return;
    if (!canvas.contains(document.elementFromPoint(event.clientX, event.clientY))) return;
    const [x, y] = viewport.toGraph(event.clientX - 108 * viewport.view().zoom, event.clientY - 26 * viewport.view().zoom);
    board.edits.add(button.dataset.add ?? "", { x: Math.round(x / 24) * 24, y: Math.round(y / 24) * 24, onto: onto?.dataset.id }).catch(board.refused);
  }

  function cancel() {
    drag?.onto?.classList.remove("aimed");
    drag?.ghost?.remove();
    drag = null;
  }

  const options = { signal: stop.signal };
  find.addEventListener("input", filter, options);
  home.addEventListener("keydown", typed, options);
  home.addEventListener("click", click, options);
  home.addEventListener("pointerdown", press, options);
  home.addEventListener("pointermove", track, options);
  home.addEventListener("pointerup", drop, options);
  home.addEventListener("pointercancel", drop, options);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drag?.ghost) return;
    event.stopImmediatePropagation();
    cancel();
  }, { ...options, capture: true });
  return {
    update: filter,
    focus() {
      find.focus();
      find.select();
    },
    destroy: () => stop.abort(),
  };
}
