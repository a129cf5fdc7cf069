// Selecting with the pointer: click a card or an edge, Shift or Ctrl adds, Shift and drag on the ground draws a box.
import { boxOf, nearest, steps } from "../canvas/edges.js";

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board */
export function create(board) {
  const { canvas, graph, viewport, selection } = board;
  const stop = new AbortController();
  /** @type {null | {id: number, from: [number, number], kept: string[], frame: SVGRectElement, drawn: boolean}} */
  let box = null;

  function click(/** @type {MouseEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    if (target.closest(".floating")) return;
    const card = /** @type {HTMLElement | null} */ (target.closest(".step[data-key]"));
    const adds = event.shiftKey || event.ctrlKey || event.metaKey;
    if (card) return adds ? selection.toggle(card.dataset.key ?? "") : selection.set([card.dataset.key ?? ""]);
    if (adds) return;
    const edge = nearest(graph, viewport.toGraph(event.clientX, event.clientY), 8 / viewport.view().zoom);
    if (edge?.dataset.id) selection.setEdge(edge.dataset.id);
    else selection.set([]);
    canvas.focus({ preventScroll: true });
  }

  function press(/** @type {PointerEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    if (event.button !== 0 || !event.shiftKey || target.closest(".step, .floating")) return;
    const frame = /** @type {SVGRectElement} */ (document.createElementNS("http://www.w3.org/2000/svg", "rect"));
    frame.setAttribute("class", "box");
    graph.querySelector(".edges")?.append(frame);
    box = { id: event.pointerId, from: viewport.toGraph(event.clientX, event.clientY), kept: selection.keys(), frame, drawn: false };
    canvas.setPointerCapture(event.pointerId);
  }

  function track(/** @type {PointerEvent} */ event) {
    if (box?.id !== event.pointerId) return;
    const to = viewport.toGraph(event.clientX, event.clientY);
    const [x, y] = [Math.min(box.from[0], to[0]), Math.min(box.from[1], to[1])];
    const [w, h] = [Math.abs(box.from[0] - to[0]), Math.abs(box.from[1] - to[1])];
    for (const [name, value] of Object.entries({ x, y, width: w, height: h })) box.frame.setAttribute(name, String(value));
    box.drawn = box.drawn || w + h > 6;
    const inside = [...steps(graph)].filter(([, node]) => {
      const card = boxOf(node);
      return card.x < x + w && card.x + card.w > x && card.y < y + h && card.y + card.h > y;
    });
    selection.set([...box.kept, ...inside.map(([key]) => key)]);
  }

  function end(/** @type {PointerEvent} */ event) {
    if (box?.id !== event.pointerId) return;
    if (box.drawn) board.swallowClick();
    box.frame.remove();
    box = null;
  }

  const options = { signal: stop.signal };
  canvas.addEventListener("click", click, options);
  canvas.addEventListener("dblclick", (event) => {
    if (/** @type {Element} */ (event.target).closest(".step[data-key]")) board.inspector.focus();
  }, options);
  canvas.addEventListener("pointerdown", press, options);
  canvas.addEventListener("pointermove", track, options);
  canvas.addEventListener("pointerup", end, options);
  canvas.addEventListener("pointercancel", end, options);
  return { update: () => undefined, destroy: () => stop.abort() };
}
