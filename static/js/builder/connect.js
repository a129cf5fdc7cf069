// Dragging from a port to a step connects them; why it would be refused stands at the pointer.
import { boxOf } from "../canvas/edges.js";
import { rounded } from "../canvas/route.js";

/** @typedef {import("./page.js").Board} Board */

const NS = "http://www.w3.org/2000/svg";

/** @param {Board} board */
export function create(board) {
  const { canvas, graph, viewport } = board;
  const stop = new AbortController();
  const reason = document.createElement("p");
  reason.className = "reason floating";
  reason.setAttribute("role", "status");
  /** @type {null | {id: number, source: string, port: string, from: [number, number], line: SVGPathElement, target: string, why: string}} */
  let pull = null;

  function press(/** @type {PointerEvent} */ event) {
    const port = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-port]"));
    const card = /** @type {HTMLElement | null} */ (port?.closest(".step[data-key]"));
    if (!port || !card || event.button !== 0 || !board.mayEdit) return;
    event.preventDefault(); // no text is selected, the card does not move
    const box = boxOf(card);
    const line = /** @type {SVGPathElement} */ (document.createElementNS(NS, "path"));
    line.setAttribute("class", "edge pulled");
    graph.querySelector(".edges")?.append(line);
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("connecting");
    pull = { id: event.pointerId, source: card.dataset.key ?? "", port: port.dataset.port ?? "", from: [box.x + port.offsetLeft + port.offsetWidth / 2, box.y + box.h], line, target: "", why: "" };
    document.body.append(reason);
    reason.hidden = true;
  }

  function track(/** @type {PointerEvent} */ event) {
    if (!pull || event.pointerId !== pull.id) return;
    const [x, y] = viewport.toGraph(event.clientX, event.clientY).map(Math.round);
    const [a, b] = pull.from;
    const turn = y > b + 16 ? Math.round((b + y) / 2) : b + 16;
    pull.line.setAttribute("d", Math.abs(a - x) < 2 ? `M${a} ${b}L${x} ${y}` : rounded([[a, b], [a, turn], [x, turn], [x, y]]));
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const card = /** @type {HTMLElement | null} */ (canvas.contains(under) ? under?.closest(".step[data-key]") ?? null : null);
    aim(card?.dataset.key ?? "");
    reason.style.left = `${event.clientX + 14}px`;
    reason.style.top = `${event.clientY + 14}px`;
  }

  function aim(/** @type {string} */ key) {
    if (!pull || pull.target === key) return;
    const left = pull.target === "";
    pull.target = key;
    pull.why = key && !(left && key === pull.source) ? board.model().refusal(pull.source, pull.port, key) : "";
    for (const card of graph.querySelectorAll(".step.aimed, .step.unfit")) card.classList.remove("aimed", "unfit");
    graph.querySelector(`.step[data-key="${key}"]`)?.classList.add(pull.why ? "unfit" : "aimed");
    pull.line.classList.toggle("unfit", pull.why !== "");
    reason.hidden = !pull.why;
    reason.textContent = pull.why;
  }

  function end() {
    const done = pull;
    pull = null;
    done?.line.remove();
    reason.remove();
    canvas.classList.remove("connecting");
    for (const card of graph.querySelectorAll(".step.aimed, .step.unfit")) card.classList.remove("aimed", "unfit");
    return done;
  }

  function drop(/** @type {PointerEvent} */ event) {
    if (event.pointerId !== pull?.id) return;
    const done = end();
    if (!done) return;
    board.swallowClick();
    if (!done.target || done.target === done.source) return;
    if (done.why) return board.says.notice(done.why);
    board.edits.connect(done.source, done.port, done.target).catch(board.refused);
  }

  function cancel(/** @type {Event} */ event) {
    if (!pull || (event instanceof KeyboardEvent && event.key !== "Escape")) return;
    event.stopImmediatePropagation();
    end();
  }

  const options = { signal: stop.signal };
  canvas.addEventListener("pointerdown", press, options);
  canvas.addEventListener("pointermove", track, options);
  canvas.addEventListener("pointerup", drop, options);
  canvas.addEventListener("pointercancel", cancel, options);
  document.addEventListener("keydown", cancel, { ...options, capture: true });
  return { update: () => undefined, destroy: () => stop.abort() };
}
