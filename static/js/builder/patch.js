// Puts the server's answer into the page: cards, edges, outline, problems, bar. Elements stay the same ones, so focus,
// selection and what a person is doing survive.
import { draw, erase, place, steps } from "../canvas/edges.js";
import { element, remember } from "./dom.js";

/**
 * @typedef {object} Answer
 * @property {number} revision
 * @property {boolean} whole everything is in it: what is not, is gone
 * @property {Record<string, {x: number, y: number, css: string, inside: string, item: string, type: string}>} cards changed or new steps
 * @property {string[]} gone keys of removed steps
 * @property {string[]} order all keys in reading order
 * @property {{id: string, from: string, port: string, to: string}[] | null} edges all of them, null where none changed
 * @property {{from: string, to: string, says: string}[]} backs automatic rollbacks
 * @property {string} bar
 * @property {string} problems
 * @property {string[]} added keys of steps that this edit made
 */

const NS = "http://www.w3.org/2000/svg";
const MANY = 150; // more cards than this jump instead of glide
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Let the children of `home` stand in the order of `wanted`, moving as few as possible. */
function order(/** @type {Element} */ home, /** @type {Element[]} */ wanted) {
  let at = home.firstElementChild;
  for (const child of wanted) {
    if (child === at) at = at.nextElementSibling;
    else home.insertBefore(child, at);
  }
}

/**
 * @param {HTMLElement} root @param {() => void} fill sees to it that the outline is there
 * @returns {{update: (answer: Answer) => Promise<void>}}
 */
export function create(root, fill) {
  const graph = /** @type {HTMLElement} */ (root.querySelector(".graph"));
  const home = /** @type {HTMLElement} */ (root.querySelector("#cards"));
  const lines = /** @type {SVGSVGElement} */ (root.querySelector(".edges"));
  const notes = /** @type {HTMLElement} */ (root.querySelector("#notes"));
  /** @type {() => unknown} */
  let finish = () => undefined;

  function card(/** @type {string} */ key, /** @type {Answer["cards"][string]} */ view, /** @type {Map<string, HTMLElement>} */ known) {
    const node = known.get(key) ?? element(`<li role="option" aria-selected="false" tabindex="0"></li>`);
    const keep = ["selected"].filter((name) => node.classList.contains(name));
    node.id = `step-${key}`;
    Object.assign(node.dataset, { key, type: view.type, x: String(view.x), y: String(view.y) });
    node.className = ["step", view.css, ...keep].join(" ").trim();
    node.innerHTML = view.inside;
    return node;
  }

  function cards(/** @type {Answer} */ answer) {
    const known = steps(home);
    const outline = /** @type {HTMLElement} */ (root.querySelector("#outline"));
    const items = new Map([.../** @type {NodeListOf<HTMLElement>} */ (outline.querySelectorAll(":scope > li"))].map((item) => [item.dataset.key ?? "", item]));
    const gone = answer.whole ? [...known.keys()].filter((key) => !answer.order.includes(key)) : answer.gone;
    for (const key of gone) {
      known.get(key)?.remove();
      items.get(key)?.remove();
    }
    for (const [key, view] of Object.entries(answer.cards)) {
      known.set(key, card(key, view, known));
      const item = items.get(key) ?? document.createElement("li");
      item.dataset.key = key;
      item.innerHTML = view.item;
      items.set(key, item);
    }
    order(home, answer.order.flatMap((key) => known.get(key) ?? []));
    order(outline, answer.order.flatMap((key) => items.get(key) ?? []));
  }

  function edges(/** @type {Answer} */ answer) {
    const before = new Map([.../** @type {NodeListOf<SVGPathElement>} */ (lines.querySelectorAll(".edge"))].map((edge) => [`${edge.dataset.id} ${edge.dataset.from} ${edge.dataset.to}`, edge]));
    const wanted = [
      ...(answer.edges ?? []).map((edge) => ({ css: "edge", id: edge.id, from: edge.from, port: edge.port, to: edge.to })),
      ...answer.backs.map((back) => ({ css: "edge back", id: "", from: back.from, port: "", to: back.to })),
    ];
    for (const want of wanted) {
      const name = `${want.id || undefined} ${want.from} ${want.to}`;
      const known = before.get(name);
      before.delete(name);
      if (known) continue;
      const path = /** @type {SVGPathElement} */ (document.createElementNS(NS, "path"));
      path.setAttribute("class", want.css);
      Object.assign(path.dataset, { from: want.from, to: want.to }, want.id ? { id: want.id, port: want.port } : {});
      lines.append(path);
    }
    for (const old of before.values()) erase(old);
    notes.replaceChildren(...answer.backs.map((back) => {
      const note = document.createElement("p");
      note.className = "note";
      note.textContent = back.says;
      Object.assign(note.dataset, { from: back.from, to: back.to });
      return note;
    }));
  }

  /** Let the cards that changed their place glide there, edges with them. */
  function glide(/** @type {Map<string, [number, number]>} */ before) {
    const moved = [...steps(home)].flatMap(([key, node]) => {
      const from = before.get(key);
      const to = [Number(node.dataset.x), Number(node.dataset.y)];
      return from && (from[0] !== to[0] || from[1] !== to[1]) ? [{ node, from, to }] : [];
    });
    if (!moved.length || moved.length > MANY || still.matches) return Promise.resolve(draw(graph));
    const began = performance.now();
    let ended = false;
    /** @type {(value: unknown) => void} */
    let arrive;
    const arrived = new Promise((resolve) => { arrive = resolve; });
    const stand = (/** @type {number} */ t) => {
      const ease = 1 - (1 - t) ** 3;
      ended = t === 1;
      for (const { node, from, to } of moved) {
        node.dataset.x = String(ended ? to[0] : from[0] + (to[0] - from[0]) * ease);
        node.dataset.y = String(ended ? to[1] : from[1] + (to[1] - from[1]) * ease);
      }
      draw(graph);
      if (ended) arrive(undefined);
    };
    const step = (/** @type {number} */ now) => {
      if (ended) return;
      stand(Math.min(1, Math.max(0, (now - began) / 200)));
      requestAnimationFrame(step);
    };
    finish = () => ended || stand(1); // another answer came: be there before it counts
    requestAnimationFrame(step);
    return arrived;
  }

  return {
    async update(answer) {
      finish();
      fill();
      const back = remember(root);
      const before = new Map([...steps(home)].map(([key, node]) => [key, /** @type {[number, number]} */ ([Number(node.dataset.x), Number(node.dataset.y)])]));
      cards(answer);
      if (answer.edges || answer.whole) edges(answer);
      /** @type {HTMLElement} */ (root.querySelector("#bar")).innerHTML = answer.bar;
      /** @type {HTMLElement} */ (root.querySelector("#problems")).innerHTML = answer.problems;
      for (const count of root.querySelectorAll("[data-count]")) count.textContent = String(answer.order.length);
      for (const empty of root.querySelectorAll("[data-when-empty]")) empty.toggleAttribute("hidden", answer.order.length > 0);
      back();
      place(graph, [...steps(home).values()].filter((node) => !before.has(node.dataset.key ?? "")));
      await glide(before);
    },
  };
}
