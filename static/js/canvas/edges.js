// Places steps from data-x/data-y and draws the edges between them.
// An edge is <path class="edge taken" data-from="route:large" data-to="approve">; without a port, or where that
// port is not drawn, it leaves from the middle of the step's lower edge. `.edge.back` leaves to the side.
import { field, rounded, route, routeBack } from "./route.js";

/** @typedef {import("./route.js").Box} Box */
/** @typedef {import("./route.js").Point} Point */
/** @typedef {{boxes: Map<string, Box>, ports: Map<string, number>, space: import("./route.js").Field, lanes: import("./route.js").Lanes, backs: {x: number, a: number, b: number}[]}} Plan */

const NS = "http://www.w3.org/2000/svg";
const PORT = 72; // px of a port's column
const RINGED = ".selected, .undo, .added, .changed";

/** @type {WeakMap<Element, Plan>} what was measured at the last full drawing of a graph */
const plans = new WeakMap();
/** @type {WeakMap<Element, {points: Point[], tip: SVGPathElement}>} */
const drawn = new WeakMap();

/** Move each node to its data-x, data-y; a card with more than three ports is wider. @param {ParentNode} graph @param {Iterable<Element>} nodes */
export function place(graph, nodes = graph.querySelectorAll(".step")) {
  for (const node of /** @type {Iterable<HTMLElement>} */ (nodes)) {
    const ports = node.querySelectorAll("[data-port]:not(.unused)").length;
    node.style.left = `${node.dataset.x}px`;
    node.style.top = `${node.dataset.y}px`;
    node.style.width = ports > 3 ? `${ports * PORT}px` : "";
  }
}

/** @param {Element} graph @returns {Map<string, HTMLElement>} the cards by key */
export function steps(graph) {
  return new Map([.../** @type {NodeListOf<HTMLElement>} */ (graph.querySelectorAll(".step[data-key]"))].map((node) => [node.dataset.key ?? "", node]));
}

/** @param {HTMLElement} node @returns {Box} by data-x, data-y and its laid out size, in the graph's coordinates */
export function boxOf(node) {
  return { x: Number(node.dataset.x), y: Number(node.dataset.y), w: node.offsetWidth, h: node.offsetHeight };
}

/** All reads before any write, so that the browser lays out once. @param {Element} graph @returns {Plan} */
function measure(graph) {
  const boxes = new Map();
  const ports = new Map();
  for (const [key, node] of steps(graph)) {
    boxes.set(key, boxOf(node));
    for (const port of /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("[data-port]"))) {
      ports.set(`${key}:${port.dataset.port}`, port.offsetLeft + port.offsetWidth / 2);
    }
  }
  return { boxes, ports, space: field(boxes), lanes: new Map(), backs: [] };
}

/** @param {Plan} plan @param {string} from "key:port" or "key" @returns {{key: string, port: string, at: Point} | null} */
function origin(plan, from) {
  const [key, port = ""] = from.split(":");
  const box = plan.boxes.get(key);
  if (!box) return null;
  return { key, port, at: [Math.round(box.x + (plan.ports.get(from) ?? box.w / 2)), Math.round(box.y + box.h)] };
}

/** @param {Element} graph @param {Plan} plan @param {SVGPathElement} edge @returns {{points: Point[], tip: string} | null} */
function trace(graph, plan, edge) {
  const from = origin(plan, edge.dataset.from ?? "");
  const key = edge.dataset.to ?? "";
  const target = plan.boxes.get(key);
  if (!from || !target) return null;
  const ring = graph.querySelector(`.step[data-key="${key}"]`)?.matches(RINGED) ? 7 : 2;
  if (edge.classList.contains("back")) {
    const end = /** @type {Point} */ ([Math.round(target.x) - ring, Math.round(target.y + Math.min(26, target.h / 2))]);
    const source = /** @type {Box} */ (plan.boxes.get(from.key));
    return { points: routeBack(from, source, target, end, [from.key, key], plan.space, plan.backs), tip: `M${end}l-7 -4v8z` };
  }
  const end = /** @type {Point} */ ([Math.round(target.x + target.w / 2), Math.round(target.y) - ring]);
  return { points: route(from, { key, at: end }, plan.space, plan.lanes), tip: `M${end}l-4 -7h8z` };
}

/** @param {SVGPathElement} edge @param {Point[]} points @param {string} tip */
function paint(edge, points, tip) {
  const head = drawn.get(edge)?.tip ?? /** @type {SVGPathElement} */ (document.createElementNS(NS, "path"));
  edge.setAttribute("d", rounded(points));
  head.setAttribute("class", (edge.getAttribute("class") ?? "").replace("edge", "tip"));
  head.setAttribute("d", edge.classList.contains("dead") ? "" : tip);
  if (head.previousSibling !== edge) edge.after(head);
  drawn.set(edge, { points, tip: head });
}

/** @param {Plan} plan @returns {(a: SVGPathElement, b: SVGPathElement) => number} outer ports turn first, so that edges of one step do not cross */
function byTurn(plan) {
  const reach = (/** @type {SVGPathElement} */ edge) => {
    const from = origin(plan, edge.dataset.from ?? "");
    const target = plan.boxes.get(edge.dataset.to ?? "");
    if (!from || !target) return { y: 0, x: 0, off: 0 };
    if (edge.classList.contains("back")) return { y: 1e9, x: from.at[1] - target.y, off: 0 }; // the shorter one inside
    const off = target.x + target.w / 2 - from.at[0];
    return { y: from.at[1], x: off < 0 ? from.at[0] : -from.at[0], off: Math.abs(off) < 2 ? 0 : 1 };
  };
  const known = new Map();
  const of = (/** @type {SVGPathElement} */ edge) => known.get(edge) ?? known.set(edge, reach(edge)).get(edge);
  return (a, b) => of(a).y - of(b).y || of(a).off - of(b).off || of(a).x - of(b).x;
}

const NEAR = 120; // px: lanes this close share one column of words

/** Put the words of rollbacks left of their lanes, none over another or across a lane. @param {Element} graph */
function placeNotes(graph) {
  const placed = [];
  for (const note of /** @type {NodeListOf<HTMLElement>} */ (graph.querySelectorAll(".note[data-from]"))) {
    const edge = graph.querySelector(`.edge.back[data-from="${note.dataset.from}"][data-to="${note.dataset.to}"]`);
    const points = edge && drawn.get(edge)?.points;
    if (points) placed.push({ note, lane: points[2][0], y: Math.round((points[2][1] + points[3][1]) / 2) - 16, high: note.offsetHeight });
  }
  placed.sort((one, other) => one.y - other.y);
  placed.forEach((one, i) => {
    const close = placed.filter((other) => Math.abs(other.lane - one.lane) < NEAR);
    for (const before of placed.slice(0, i)) {
      if (close.includes(before)) one.y = Math.max(one.y, before.y + before.high + 4);
    }
    one.note.style.left = `${Math.min(...close.map((other) => other.lane)) - 8}px`;
    one.note.style.top = `${one.y}px`;
  });
}

/**
 * Draw the edges of a graph: all of them (steps are placed and measured anew), or only `edges`, by the sizes of the
 * last full drawing and the present data-x, data-y of `moved` (while a card is dragged).
 * @param {Element} graph
 * @param {Iterable<SVGPathElement>} [edges]
 * @param {Iterable<HTMLElement>} [moved]
 */
export function draw(graph, edges, moved = []) {
  if (/** @type {HTMLElement} */ (graph).offsetParent === null) return; // not shown: nothing can be measured
  const known = plans.get(graph);
  const whole = !edges || !known;
  if (whole) place(graph);
  const plan = whole ? measure(graph) : known;
  if (!whole) Object.assign(plan, { lanes: new Map(), backs: [] });
  for (const node of moved) {
    const box = plan.boxes.get(node.dataset.key ?? "");
    if (box) Object.assign(box, { x: Number(node.dataset.x), y: Number(node.dataset.y) });
  }
  plans.set(graph, plan);
  const todo = [...(whole ? /** @type {NodeListOf<SVGPathElement>} */ (graph.querySelectorAll(".edge[data-to]")) : edges ?? [])];
  if (whole) todo.sort(byTurn(plan));
  const traced = todo.map((edge) => [edge, trace(graph, plan, edge)]);
  for (const [edge, path] of /** @type {[SVGPathElement, {points: Point[], tip: string} | null][]} */ (traced)) {
    if (path) paint(edge, path.points, path.tip);
  }
  placeNotes(graph);
}

/** Forget an edge and its arrow head. @param {SVGPathElement} edge */
export function erase(edge) {
  drawn.get(edge)?.tip.remove();
  edge.remove();
}

/** @param {Point} p @param {Point} a @param {Point} b */
function away(p, a, b) {
  const x = Math.max(Math.min(a[0], b[0]), Math.min(Math.max(a[0], b[0]), p[0]));
  const y = Math.max(Math.min(a[1], b[1]), Math.min(Math.max(a[1], b[1]), p[1]));
  return Math.hypot(p[0] - x, p[1] - y);
}

/**
 * The edge that runs closest to a point of the graph.
 * @param {Element} graph @param {Point} point @param {number} within px
 * @returns {SVGPathElement | null}
 */
export function nearest(graph, point, within) {
  let found = null;
  let least = within;
  for (const edge of /** @type {NodeListOf<SVGPathElement>} */ (graph.querySelectorAll(".edge[data-to]"))) {
    const points = drawn.get(edge)?.points ?? [];
    for (let i = 1; i < points.length; i++) {
      const distance = away(point, points[i - 1], points[i]);
      if (distance < least) [found, least] = [edge, distance];
    }
  }
  return found;
}
