// The run on the canvas: the server says what each card and edge is now, and this changes what differs.
import { draw } from "../canvas/edges.js";

/**
 * @typedef {{status: string, tone: string, glyph: string, word: string, lead: string, aside: string, line: string, since: string,
 *   tail: string, text: string, ports: string[], out: boolean, no: number, chosen: boolean}} Now
 */

const TONES = ["is-pending", "is-running", "is-waiting", "is-completed", "is-failed", "is-skipped", "is-cancelled", "is-rolled"];

/** @param {Element} node @param {string} tone */
function tint(node, tone) {
  node.classList.remove(...TONES);
  node.classList.add(tone);
}

/** @param {Element} node @param {string} name of the glyph */
function glyph(node, name) {
  const use = node.querySelector("use");
  const base = use?.getAttribute("href")?.split("#")[0] ?? "";
  use?.setAttribute("href", `${base}#${name}`);
}

/** @param {HTMLElement} card @param {Now} now */
function dress(card, now) {
  tint(card, now.tone);
  card.classList.toggle("out", now.out);
  card.classList.toggle("undo", now.no > 0);
  card.classList.toggle("selected", now.chosen);
  const status = /** @type {HTMLElement} */ (card.querySelector(".top .status"));
  tint(status, now.tone);
  glyph(status, now.glyph);
  const word = /** @type {HTMLElement} */ (status.querySelector(".hidden"));
  word.textContent = now.aside;
  const lead = /** @type {HTMLElement} */ (card.querySelector(".lead"));
  tint(lead, now.tone);
  lead.textContent = now.lead;
  const rest = /** @type {HTMLElement} */ (card.querySelector(".rest"));
  delete rest.dataset.words;
  if (now.since) Object.assign(rest.dataset, { since: now.since, tail: now.tail });
  else delete rest.dataset.since;
  rest.textContent = now.line;
  if (rest.parentElement) rest.parentElement.title = now.line;
  for (const port of /** @type {NodeListOf<HTMLElement>} */ (card.querySelectorAll("[data-port]"))) {
    port.classList.toggle("taken", now.ports.includes(port.dataset.port ?? ""));
  }
  const number = /** @type {HTMLElement} */ (card.querySelector(".no"));
  number.hidden = !now.no;
  number.textContent = String(now.no);
}

/** @param {HTMLElement} canvas @returns {{update: (view: {cards: Record<string, Now>, edges: string[], notes: string[]}) => string[], redraw: () => void}} */
export function create(canvas) {
  const graph = /** @type {HTMLElement} */ (canvas.querySelector(".graph"));
  const cards = new Map([.../** @type {NodeListOf<HTMLElement>} */ (graph.querySelectorAll(".step"))].map((node) => [node.dataset.key ?? "", node]));
  const edges = /** @type {SVGPathElement[]} */ ([...graph.querySelectorAll("[data-edge]")]);
  const notes = [...graph.querySelectorAll("[data-note]")];
  /** @type {Map<string, string>} */
  const before = new Map();
  /** @type {Map<string, string>} */
  const words = new Map();
  draw(graph);

  return {
    /** @returns the steps whose status changed, as sentences */
    update(view) {
      const news = [];
      let changed = false;
      for (const [key, card] of cards) {
        const now = view.cards[key];
        const text = JSON.stringify(now);
        if (!now || before.get(key) === text) continue;
        before.set(key, text);
        dress(card, now);
        changed = true;
        if (words.has(key) && words.get(key) !== now.word) news.push(`${card.querySelector(".name")?.textContent}: ${now.word}`);
        words.set(key, now.word);
      }
      edges.forEach((edge, i) => {
        const css = `edge ${view.edges[i]}`.trim();
        if (edge.getAttribute("class")?.trim() === css) return;
        edge.setAttribute("class", css);
        changed = true;
      });
      notes.forEach((note, i) => { note.textContent = view.notes[i]; });
      if (changed) draw(graph);
      return news;
    },
    redraw: () => draw(graph),
  };
}
