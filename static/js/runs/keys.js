// The run page's keys: [ ] and End through the journal, f follow, 1 to 4 tabs, r retry, b roll back, Esc close;
// on the canvas, arrows go from step to step along the edges and to neighbours.
import { single } from "../keys.js";

const TABS = ["timeline", "log", "data", "journal"];

/** @param {HTMLElement} from @param {string} key @returns {HTMLElement | null} the card that an arrow leads to */
function neighbour(from, key) {
  const graph = /** @type {HTMLElement} */ (from.closest(".graph"));
  const cards = [.../** @type {NodeListOf<HTMLElement>} */ (graph.querySelectorAll(".step"))];
  const name = from.dataset.key ?? "";
  const by = (/** @type {string} */ wanted) => cards.find((card) => card.dataset.key === wanted) ?? null;
  const edges = [.../** @type {NodeListOf<SVGPathElement>} */ (graph.querySelectorAll("[data-edge]"))];
  const source = (/** @type {SVGPathElement} */ edge) => (edge.dataset.from ?? "").split(":")[0];
  if (key === "ArrowDown") {
    const out = edges.filter((edge) => source(edge) === name);
    const best = out.find((edge) => edge.matches(".taken, .live")) ?? out[0];
    return best ? by(best.dataset.to ?? "") : null;
  }
  if (key === "ArrowUp") {
    const into = edges.filter((edge) => edge.dataset.to === name);
    const best = into.find((edge) => edge.matches(".taken, .live")) ?? into[0];
    return best ? by(source(best)) : null;
  }
  const [x, y] = [Number(from.dataset.x), Number(from.dataset.y)];
  const way = key === "ArrowRight" ? 1 : -1;
  const beside = cards.filter((card) => (Number(card.dataset.x) - x) * way > 0);
  const far = (/** @type {HTMLElement} */ card) => Math.abs(Number(card.dataset.x) - x) + 3 * Math.abs(Number(card.dataset.y) - y);
  return beside.sort((a, b) => far(a) - far(b))[0] ?? null;
}

/**
 * @param {HTMLElement} page
 * @param {{go: (pairs: string) => void, follow: () => void, step: (by: number) => void}} acts
 * @returns {{destroy: () => void}}
 */
export function create(page, acts) {
  const stop = new AbortController();

  function arrows(/** @type {KeyboardEvent} */ event) {
    const card = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".graph .step") ?? null);
    if (!card || !event.key.startsWith("Arrow") || event.altKey) return false;
    neighbour(card, event.key)?.querySelector("a")?.focus();
    return true;
  }

  function press(/** @type {string} */ key) {
    const control = /** @type {HTMLElement | null} */ (page.querySelector(`[data-key="${key}"]:is(a, button)`));
    control?.click();
    return Boolean(control);
  }

  function act(/** @type {KeyboardEvent} */ event) {
    const tab = TABS[Number(event.key) - 1];
    if (tab) return acts.go(`tab=${tab === "timeline" ? "" : tab}&back=`), true;
    if (event.key === "[") return acts.step(-1), true;
    if (event.key === "]") return acts.step(1), true;
    if (event.key === "End" && !(event.target instanceof HTMLInputElement)) return acts.step(Infinity), true;
    if (event.key === "f" && !page.querySelector("[data-canvas]:focus-within")) return acts.follow(), true;
    if (event.key === "r" || event.key === "b") return press(event.key);
    return false;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = /** @type {HTMLDetailsElement | null} */ (page.querySelector("details.confirm[open]"));
      if (open) open.open = false;
      else /** @type {HTMLElement | null} */ (page.querySelector("[data-esc]"))?.click();
      return;
    }
    if (arrows(event) || (single(event) && act(event))) event.preventDefault();
  }, { signal: stop.signal });
  return { destroy: () => stop.abort() };
}
