// The overview at the corner of a canvas: every step as a block, what is in view as a frame; click or drag it to go there.
import { boxOf, steps } from "./edges.js";

const NS = "http://www.w3.org/2000/svg";
const SIDE = 132; // px of the map
const MARGIN = 8;

/** @param {Record<string, string | number>} attributes */
function rect(attributes) {
  const node = document.createElementNS(NS, "rect");
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

/** The colour that a step has on the map: selected and running stand out, so do failures and problems. */
function tone(/** @type {HTMLElement} */ node) {
  if (node.matches(".selected, .is-running")) return "hot";
  if (node.matches(".problem, .is-failed")) return "bad";
  return "";
}

/**
 * @param {HTMLElement} canvas with an `svg.map` @param {{view: () => {x: number, y: number, zoom: number}, panBy: (dx: number, dy: number) => void}} viewport
 * @returns {{update: () => void, destroy: () => void}} call update after steps moved, came or went
 */
export function create(canvas, viewport) {
  const map = /** @type {SVGSVGElement} */ (canvas.querySelector("svg.map"));
  const stop = new AbortController();
  const frame = rect({ class: "view", rx: 3 });
  let scale = 1;
  let origin = [0, 0];
  let queued = 0;

  function blocks() {
    queued = 0;
    const all = [...steps(canvas).values()].map((node) => ({ box: boxOf(node), tone: tone(node) }));
    map.toggleAttribute("hidden", all.length === 0);
    if (!all.length || !map.clientWidth) return;
    const [left, top] = [Math.min(...all.map(({ box }) => box.x)), Math.min(...all.map(({ box }) => box.y))];
    const wide = Math.max(...all.map(({ box }) => box.x + box.w)) - left;
    const high = Math.max(...all.map(({ box }) => box.y + box.h)) - top;
    const inner = SIDE - 2 * MARGIN;
    scale = Math.min(0.13, inner / wide, inner / high);
    origin = [SIDE / 2 - (left + wide / 2) * scale, SIDE / 2 - (top + high / 2) * scale];
    const drawn = all.map(({ box, tone: css }) => rect({
      class: css, rx: scale > 0.06 ? 2 : 0,
      x: (origin[0] + box.x * scale).toFixed(1), y: (origin[1] + box.y * scale).toFixed(1),
      width: Math.max(1.5, box.w * scale).toFixed(1), height: Math.max(1, box.h * scale).toFixed(1),
    }));
    map.setAttribute("viewBox", `0 0 ${SIDE} ${SIDE}`);
    map.replaceChildren(...drawn, frame);
    look();
  }

  function look() {
    const { x, y, zoom } = viewport.view();
    const box = {
      x: origin[0] + (-x / zoom) * scale, y: origin[1] + (-y / zoom) * scale,
      width: (canvas.clientWidth / zoom) * scale, height: (canvas.clientHeight / zoom) * scale,
    };
    const [right, bottom] = [Math.min(SIDE - 2, box.x + box.width), Math.min(SIDE - 2, box.y + box.height)];
    const at = { x: Math.max(2, Math.min(box.x, SIDE - 6)), y: Math.max(2, Math.min(box.y, SIDE - 6)) };
    const shown = { ...at, width: Math.max(4, right - at.x), height: Math.max(4, bottom - at.y) };
    for (const [name, value] of Object.entries(shown)) frame.setAttribute(name, value.toFixed(1));
    const count = map.childElementCount - 1;
    const all = box.x <= MARGIN && box.y <= MARGIN && box.x + box.width >= SIDE - MARGIN && box.y + box.height >= SIDE - MARGIN;
    map.setAttribute("aria-label", `Overview: ${count} step${count === 1 ? "" : "s"}, ${all ? "all in view" : "some out of view"}`);
  }

  function go(/** @type {PointerEvent} */ event) {
    if (!(event.buttons & 1)) return;
    const home = map.getBoundingClientRect();
    const to = [(((event.clientX - home.left) / home.width) * SIDE - origin[0]) / scale, (((event.clientY - home.top) / home.height) * SIDE - origin[1]) / scale];
    const { x, y, zoom } = viewport.view();
    viewport.panBy(canvas.clientWidth / 2 - to[0] * zoom - x, canvas.clientHeight / 2 - to[1] * zoom - y);
  }

  map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); go(event); }, { signal: stop.signal });
  map.addEventListener("pointermove", go, { signal: stop.signal });
  canvas.addEventListener("viewport", look, { signal: stop.signal });
  blocks();
  return {
    update() { if (!queued) queued = requestAnimationFrame(blocks); },
    destroy() { cancelAnimationFrame(queued); stop.abort(); },
  };
}
