// Dragging cards: those that are selected move together, snapped to the grid; dropped on an edge, a lone card is put there.
import { draw, nearest, place, steps } from "../canvas/edges.js";

const GRID = 24;
const FINE = 8; // with Shift
const SLACK = 4; // px before a press becomes a drag
const BORDER = 32; // px from the canvas's border where it begins to scroll

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board */
export function create(board) {
  const { canvas, graph, viewport, selection } = board;
  const stop = new AbortController();
  /** @type {null | {key: string, at: {x: number, y: number}, last: PointerEvent, began: boolean, alone: boolean, cards: {node: HTMLElement, x: number, y: number}[], edges: SVGPathElement[], frame: number, armed: boolean, onto: SVGPathElement | null}} */
  let drag = null;

  function press(/** @type {PointerEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    const card = /** @type {HTMLElement | null} */ (target.closest(".step[data-key]"));
    if (!card || event.button !== 0 || target.closest("[data-port]") || !board.mayEdit) return;
    const [x, y] = viewport.toGraph(event.clientX, event.clientY);
    drag = { key: card.dataset.key ?? "", at: { x, y }, last: event, began: false, alone: false, cards: [], edges: [], frame: 0, armed: false, onto: null };
  }

  function begin() {
    if (!drag) return;
    if (!selection.has(drag.key)) selection.set([drag.key]);
    const keys = new Set(selection.keys());
    drag.began = true;
    drag.cards = [...steps(graph)].filter(([key]) => keys.has(key)).map(([, node]) => ({ node, x: Number(node.dataset.x), y: Number(node.dataset.y) }));
    drag.edges = [.../** @type {NodeListOf<SVGPathElement>} */ (graph.querySelectorAll(".edge"))].filter((edge) => keys.has(edge.dataset.from?.split(":")[0] ?? "") || keys.has(edge.dataset.to ?? ""));
    drag.alone = keys.size === 1 && drag.edges.length === 0;
    canvas.setPointerCapture(drag.last.pointerId);
    canvas.classList.add("moving");
  }

  function follow() {
    if (!drag) return;
    drag.frame = 0;
    const { last, at, cards } = drag;
    const [x, y] = viewport.toGraph(last.clientX, last.clientY);
    const grid = last.shiftKey ? FINE : GRID;
    const lead = cards.find((card) => card.node.dataset.key === drag?.key) ?? cards[0];
    const dx = Math.round((lead.x + x - at.x) / grid) * grid - lead.x;
    const dy = Math.round((lead.y + y - at.y) / grid) * grid - lead.y;
    for (const card of cards) {
      card.node.dataset.x = String(card.x + dx);
      card.node.dataset.y = String(card.y + dy);
    }
    place(graph, cards.map((card) => card.node));
    draw(graph, drag.edges, cards.map((card) => card.node));
    if (drag.alone) aim(nearest(graph, [lead.x + dx + lead.node.offsetWidth / 2, lead.y + dy + lead.node.offsetHeight / 2], 40));
    scroll(last);
  }

  /** Near its border the canvas scrolls under the card that is dragged. */
  function scroll(/** @type {PointerEvent} */ event) {
    const home = canvas.getBoundingClientRect();
    const pull = (/** @type {number} */ v, /** @type {number} */ low, /** @type {number} */ high) => (v < low + BORDER ? low + BORDER - v : v > high - BORDER ? high - BORDER - v : 0) / 4;
    const dx = pull(event.clientX, home.left, home.right);
    const dy = pull(event.clientY, home.top, home.bottom);
    if (drag && !dx && !dy) drag.armed = true; // a drag that begins at the border scrolls only once it has left it
    if (!drag?.armed || (!dx && !dy)) return;
    viewport.panBy(dx, dy, false);
    queue();
  }

  function aim(/** @type {SVGPathElement | null} */ edge) {
    if (!drag || drag.onto === edge) return;
    drag.onto?.classList.remove("aimed");
    edge?.classList.add("aimed");
    drag.onto = edge;
  }

  function queue() {
    if (drag && !drag.frame) drag.frame = requestAnimationFrame(follow);
  }

  function track(/** @type {PointerEvent} */ event) {
    if (!drag || event.pointerId !== drag.last.pointerId) return;
    if (!drag.began && Math.hypot(event.clientX - drag.last.clientX, event.clientY - drag.last.clientY) < SLACK) return;
    if (!drag.began) begin();
    drag.last = event;
    queue();
  }

  function end() {
    const done = drag;
    drag = null;
    if (!done) return null;
    cancelAnimationFrame(done.frame);
    done.onto?.classList.remove("aimed");
    canvas.classList.remove("moving");
    return done.began ? done : null;
  }

  function drop(/** @type {PointerEvent} */ event) {
    if (event.pointerId !== drag?.last.pointerId) return;
    if (drag.began && drag.frame) follow();
    const done = end();
    if (!done) return;
    board.swallowClick();
    const moved = done.cards.filter((card) => card.node.dataset.x !== String(card.x) || card.node.dataset.y !== String(card.y));
    const onto = done.onto?.dataset.id;
    draw(graph);
    if (!moved.length) return;
    board.edits.move(moved.map((card) => card.node)).catch(() => back(done.cards));
    if (onto) board.edits.insert(done.key, onto).catch(board.refused);
  }

  function back(/** @type {{node: HTMLElement, x: number, y: number}[]} */ cards) {
    for (const card of cards) Object.assign(card.node.dataset, { x: String(card.x), y: String(card.y) });
    draw(graph);
  }

  function cancel(/** @type {Event} */ event) {
    if (event instanceof KeyboardEvent && event.key !== "Escape") return;
    const done = end();
    if (!done) return;
    event.stopImmediatePropagation();
    back(done.cards);
  }

  const options = { signal: stop.signal };
  canvas.addEventListener("pointerdown", press, options);
  canvas.addEventListener("pointermove", track, options);
  canvas.addEventListener("pointerup", drop, options);
  canvas.addEventListener("pointercancel", cancel, options);
  document.addEventListener("keydown", cancel, { ...options, capture: true });
  return { update: () => undefined, destroy: () => stop.abort() };
}
