// Zooming and scrolling a canvas: the wheel scrolls, with Ctrl it zooms to the pointer; + - 0 f and the buttons `[data-zoom]`.
import { typing } from "./typing.js";

const STOPS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1, 1.25, 1.5, 2];
const LINE = 16; // px of a wheel that counts in lines

/** @typedef {{zoom: () => number, zoomTo: (zoom: number, at?: {x: number, y: number}) => void, panBy: (dx: number, dy: number) => void, fit: () => void}} Lens */

/** @param {HTMLElement} canvas @param {Lens} lens @returns {{destroy: () => void}} */
export function create(canvas, lens) {
  const stop = new AbortController();
  const acts = {
    in: () => lens.zoomTo(STOPS.find((stop) => stop > lens.zoom() + 0.01) ?? lens.zoom()),
    out: () => lens.zoomTo(STOPS.findLast((stop) => stop < lens.zoom() - 0.01) ?? lens.zoom()),
    one: () => lens.zoomTo(1),
    fit: () => lens.fit(),
  };

  function wheel(/** @type {WheelEvent} */ event) {
    if (/** @type {Element} */ (event.target).closest(".floating")) return;
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1;
    if (event.ctrlKey || event.metaKey) {
      const turn = Math.max(-60, Math.min(60, event.deltaY * unit));
      return lens.zoomTo(lens.zoom() * Math.exp(-turn * 0.006), { x: event.clientX, y: event.clientY });
    }
    const sideways = event.shiftKey && !event.deltaX;
    lens.panBy(-(sideways ? event.deltaY : event.deltaX) * unit, sideways ? 0 : -event.deltaY * unit);
  }

  function key(/** @type {KeyboardEvent} */ event) {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = { "+": acts.in, "=": acts.in, "-": acts.out, 0: acts.one, f: acts.fit }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  const options = { signal: stop.signal };
  canvas.addEventListener("wheel", wheel, { ...options, passive: false });
  canvas.addEventListener("keydown", key, options);
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (canvas.querySelectorAll("[data-zoom]"))) {
    button.addEventListener("click", () => acts[/** @type {"in"} */ (button.dataset.zoom)](), options);
  }
  return { destroy: () => stop.abort() };
}
