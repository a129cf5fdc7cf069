// Panning a canvas: drag the ground, or anything with Space or the middle button; two fingers zoom as well.
import { typing } from "./typing.js";

const SLACK = 4; // px before a press becomes a pan

/** @typedef {{hold: () => void, panBy: (dx: number, dy: number) => void, zoomBy: (factor: number, at: {x: number, y: number}) => void}} Hand */

/** @param {HTMLElement} canvas @param {Hand} hand `hold` stops what moves by itself @returns {{destroy: () => void}} */
export function create(canvas, hand) {
  const stop = new AbortController();
  /** @type {Map<number, {x: number, y: number}>} the fingers or buttons that are down */
  const held = new Map();
  let space = false;
  let pans = false;
  let panned = false;

  function grab(/** @type {PointerEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    panned = false;
    if (target.closest(".floating")) return;
    const forced = event.button === 1 || (space && event.button === 0);
    if (!forced && (event.button !== 0 || event.shiftKey || target.closest(".step"))) return;
    if (forced) event.stopImmediatePropagation(); // a step under Space or the middle button does not move
    hand.hold();
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    pans = forced || held.size > 1;
    if (event.button === 1) event.preventDefault();
  }

  function drag(/** @type {PointerEvent} */ event) {
    const last = held.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    if (!pans && Math.hypot(dx, dy) < SLACK) return; // a click is no pan
    if (!canvas.hasPointerCapture(event.pointerId)) canvas.setPointerCapture(event.pointerId);
    pans = true;
    canvas.classList.add("panning");
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return hand.panBy(dx, dy);
    const before = Math.max(1, Math.hypot(last.x - other.x, last.y - other.y));
    const middle = { x: (event.clientX + other.x) / 2, y: (event.clientY + other.y) / 2 };
    hand.zoomBy(Math.hypot(event.clientX - other.x, event.clientY - other.y) / before, middle);
    hand.panBy(dx / 2, dy / 2);
  }

  function release(/** @type {PointerEvent} */ event) {
    if (!held.delete(event.pointerId) || held.size) return;
    canvas.classList.remove("panning");
    panned = pans;
    pans = false;
  }

  /** The click that ends a pan is none. */
  function click(/** @type {MouseEvent} */ event) {
    if (panned) event.stopImmediatePropagation();
    panned = false;
  }

  function press(/** @type {KeyboardEvent} */ event) {
    if (event.code !== "Space" || typing(event.target)) return;
    const here = canvas.matches(":hover") && !(event.target instanceof Element && event.target.closest("button, a, summary"));
    space = event.type === "keydown" && here;
    canvas.classList.toggle("may-pan", space);
    if (here) event.preventDefault(); // the page would scroll
  }

  function leave() {
    space = false;
    canvas.classList.remove("may-pan");
  }

  const options = { signal: stop.signal };
  canvas.addEventListener("pointerdown", grab, { ...options, capture: true });
  canvas.addEventListener("pointermove", drag, options);
  canvas.addEventListener("pointerup", release, options);
  canvas.addEventListener("pointercancel", release, options);
  canvas.addEventListener("click", click, { ...options, capture: true });
  document.addEventListener("keydown", press, options);
  document.addEventListener("keyup", press, options);
  window.addEventListener("blur", leave, options);
  return { destroy: () => stop.abort() };
}
