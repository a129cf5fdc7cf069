// Looking at a canvas: where its graph stands and how large it is. It moves through the CSSOM, `data-lod` says how much
// a card shows, and every change is told by a "viewport" event: detail {x, y, zoom, byPerson}.
import { boxOf, steps } from "./edges.js";
import { create as createPan } from "./pan.js";
import { create as createZoom } from "./zoom.js";

export { typing } from "./typing.js";

/** @typedef {{x: number, y: number, zoom: number}} View   px of the graph's origin within the canvas, and the scale */

const LEAST = 0.1;
const MOST = 2;
const GRID = 24;
const MARGIN = 16;
const GLIDE = 200; // ms
// Text never shrinks below 12 px on the screen: a card drops its second line, then its port names, then its name.
/** @type {[number, string][]} */
const LEVELS = [[1, "full"], [0.87, "close"], [0.75, "near"], [0.6, "mid"], [0.5, "less"], [0.4, "least"], [0, "far"]];

const still = matchMedia("(prefers-reduced-motion: reduce)");
const clamp = (/** @type {number} */ zoom) => Math.min(MOST, Math.max(LEAST, zoom));

/** @param {HTMLElement} canvas @returns {{x: number, y: number, w: number, h: number} | null} around all steps */
function bounds(canvas) {
  const boxes = [...steps(canvas).values()].map(boxOf);
  if (!boxes.length) return null;
  const x = Math.min(...boxes.map((b) => b.x));
  const y = Math.min(...boxes.map((b) => b.y));
  return { x, y, w: Math.max(...boxes.map((b) => b.x + b.w)) - x, h: Math.max(...boxes.map((b) => b.y + b.h)) - y };
}

/** The view that shows every step, at the top and never larger than 100 %. @param {HTMLElement} canvas @param {number} least @returns {View} */
function fitted(canvas, least = LEAST) {
  const all = bounds(canvas);
  if (!all) return { x: canvas.clientWidth / 2, y: MARGIN, zoom: 1 };
  const fit = (/** @type {number} */ width) => {
    const zoom = Math.max(least, clamp(Math.min(1, (width - 2 * MARGIN) / all.w, (canvas.clientHeight - 2 * MARGIN) / all.h)));
    return { x: width / 2 - (all.x + all.w / 2) * zoom, y: MARGIN - all.y * zoom, zoom };
  };
  const whole = fit(canvas.clientWidth);
  const map = canvas.querySelector(".map:not([hidden])")?.clientWidth ?? 0;
  const [left, bottom] = [(canvas.clientWidth - map - 2 * MARGIN - whole.x) / whole.zoom, (map + 2 * MARGIN - whole.y) / whole.zoom];
  const under = map && [...steps(canvas).values()].map(boxOf).some((box) => box.x + box.w > left && box.y < bottom);
  return under ? fit(canvas.clientWidth - map - MARGIN) : whole; // nothing lies under the overview
}

/** Put a view on the screen. @param {HTMLElement} canvas @param {HTMLElement} graph @param {View} view */
function show(canvas, graph, view) {
  graph.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  const cell = GRID * view.zoom * (view.zoom < 0.5 ? 4 : 1);
  canvas.style.backgroundSize = `${cell}px ${cell}px`;
  canvas.style.backgroundPosition = `${view.x}px ${view.y}px`;
  const lod = LEVELS.find(([from]) => view.zoom >= from)?.[1] ?? "far";
  if (canvas.dataset.lod !== lod) canvas.dataset.lod = lod;
  const words = `${Math.round(view.zoom * 100)} %`;
  for (const button of canvas.querySelectorAll("[data-zoom=one]")) {
    if (button.textContent === words) continue;
    button.textContent = words;
    button.setAttribute("aria-label", `Zoom, now ${words}; set to 100 %`);
  }
}

/** Where one looked before the page was loaded again, kept for this window. @param {string | undefined} name @param {() => View} view @param {AbortSignal} signal @returns {View | null} */
function remembered(name, view, signal) {
  if (!name) return null;
  window.addEventListener("pagehide", () => sessionStorage.setItem(`view ${name}`, JSON.stringify(view())), { signal });
  const kept = sessionStorage.getItem(`view ${name}`);
  return kept ? JSON.parse(kept) : null;
}

/**
 * @param {HTMLElement} canvas a `.canvas` with one `.graph`; buttons `[data-zoom=in|out|one|fit]` within are wired
 * @param {{remember?: string}} [options] a name under which this window's session keeps where one looked; else everything is fitted
 */
export function create(canvas, options = {}) {
  const graph = /** @type {HTMLElement} */ (canvas.querySelector(".graph"));
  const stop = new AbortController();
  /** @type {View} */
  let view = { x: 0, y: 0, zoom: 1 };
  let queued = 0;
  let gliding = 0;

  const hold = () => cancelAnimationFrame(gliding);

  function set(/** @type {View} */ next, byPerson = false) {
    view = next;
    if (!queued) queued = requestAnimationFrame(() => { queued = 0; show(canvas, graph, view); });
    canvas.dispatchEvent(new CustomEvent("viewport", { detail: { ...view, byPerson } }));
  }

  /** Move there in 200 ms, or at once where the person wants things still. */
  function glide(/** @type {View} */ to) {
    hold();
    if (still.matches) return set(to);
    const from = view;
    const began = performance.now();
    const step = (/** @type {number} */ now) => {
      const t = Math.min(1, Math.max(0, (now - began) / GLIDE));
      const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * (1 - (1 - t) ** 3);
      set({ x: mix(from.x, to.x), y: mix(from.y, to.y), zoom: mix(from.zoom, to.zoom) });
      if (t < 1) gliding = requestAnimationFrame(step);
    };
    gliding = requestAnimationFrame(step);
  }

  /** Zoom with the point of the canvas under `at` (client px; default the middle) staying where it is. */
  function zoomTo(/** @type {number} */ zoom, /** @type {{x: number, y: number} | undefined} */ at = undefined, byPerson = false) {
    hold();
    const home = canvas.getBoundingClientRect();
    const x = at ? at.x - home.left : home.width / 2;
    const y = at ? at.y - home.top : home.height / 2;
    const next = clamp(zoom);
    const k = next / view.zoom;
    set({ x: x - (x - view.x) * k, y: y - (y - view.y) * k, zoom: next }, byPerson);
  }

  function panBy(/** @type {number} */ dx, /** @type {number} */ dy, byPerson = true) {
    if (byPerson) hold();
    set({ ...view, x: view.x + dx, y: view.y + dy }, byPerson);
  }

  /** Bring a step into the middle, unless it is well in view already. */
  function center(/** @type {string} */ key, always = false) {
    const node = /** @type {HTMLElement | null} */ (graph.querySelector(`.step[data-key="${CSS.escape(key)}"]`));
    if (!node) return;
    const box = boxOf(node);
    const left = view.x + box.x * view.zoom;
    const top = view.y + box.y * view.zoom;
    const inside = left > MARGIN && top > MARGIN && left + box.w * view.zoom < canvas.clientWidth - MARGIN && top + box.h * view.zoom < canvas.clientHeight - MARGIN;
    if (inside && !always) return;
    const { zoom } = view;
    glide({ x: canvas.clientWidth / 2 - (box.x + box.w / 2) * zoom, y: canvas.clientHeight / 2 - (box.y + box.h / 2) * zoom, zoom });
  }

  const fit = () => glide(fitted(canvas));
  const pan = createPan(canvas, { hold, panBy, zoomBy: (factor, at) => zoomTo(view.zoom * factor, at, true) });
  const zooming = createZoom(canvas, { zoom: () => view.zoom, zoomTo: (zoom, at) => zoomTo(zoom, at, true), panBy, fit });
  set(remembered(options.remember, () => view, stop.signal) ?? fitted(canvas, 0.4));
  show(canvas, graph, view);

  return {
    /** After steps came, went or the canvas changed its size: keep the view, tell who listens. */
    update: () => set(view),
    destroy() {
      pan.destroy();
      zooming.destroy();
      stop.abort();
      hold();
      cancelAnimationFrame(queued);
    },
    fit,
    center,
    zoomTo,
    panBy,
    /** @returns {View} */
    view: () => ({ ...view }),
    /** Client px to the graph's coordinates. @param {number} x @param {number} y @returns {[number, number]} */
    toGraph(x, y) {
      const home = canvas.getBoundingClientRect();
      return [(x - home.left - view.x) / view.zoom, (y - home.top - view.y) / view.zoom];
    },
  };
}
