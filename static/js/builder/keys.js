// The keyboard on the canvas: go along edges and to neighbours, move, select, add, connect, delete, undo.
import { draw, place, steps } from "../canvas/edges.js";
import { typing } from "../canvas/typing.js";

/** @typedef {import("./page.js").Board} Board */

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const REST = 400; // ms without a key until a move by keys is one edit

/** @param {Board} board */
export function create(board) {
  const { root, canvas, graph, selection, viewport } = board;
  const stop = new AbortController();
  /** @type {Map<HTMLElement, {x: number, y: number}>} cards that keys have moved, with where they were */
  const shifted = new Map();
  let resting = 0;

  const focused = () => /** @type {HTMLElement | null} */ (document.activeElement?.closest(".step[data-key]") ?? null);
  const centre = (/** @type {HTMLElement} */ node) => ({ x: Number(node.dataset.x) + node.offsetWidth / 2, y: Number(node.dataset.y) + node.offsetHeight / 2 });

  function go(/** @type {HTMLElement | undefined | null} */ node) {
    if (!node) return;
    node.focus({ preventScroll: true });
    selection.set([node.dataset.key ?? ""]);
    viewport.center(node.dataset.key ?? "");
  }

  /** The nearest card that lies that way, those straight ahead first. */
  function neighbour(/** @type {HTMLElement} */ from, /** @type {number[]} */ way) {
    const a = centre(from);
    let best = null;
    let least = Infinity;
    for (const node of steps(graph).values()) {
      const b = centre(node);
      const ahead = (b.x - a.x) * way[0] + (b.y - a.y) * way[1];
      const aside = Math.abs((b.x - a.x) * way[1]) + Math.abs((b.y - a.y) * way[0]);
      if (node === from || ahead <= 4 || ahead + 3 * aside >= least) continue;
      [best, least] = [node, ahead + 3 * aside];
    }
    return best;
  }

  /** Up and Down follow edges, to the one nearest in line; Left and Right go to neighbours. */
  function along(/** @type {HTMLElement} */ from, /** @type {string} */ arrow) {
    const key = from.dataset.key ?? "";
    const model = board.model();
    const all = steps(graph);
    const ends = arrow === "ArrowDown" ? model.out(key).map((edge) => edge.target) : arrow === "ArrowUp" ? model.into(key).map((edge) => edge.source) : [];
    const nodes = ends.flatMap((end) => all.get(end) ?? []).sort((p, q) => Math.abs(centre(p).x - centre(from).x) - Math.abs(centre(q).x - centre(from).x));
    return nodes[0] ?? neighbour(from, ARROWS[/** @type {keyof typeof ARROWS} */ (arrow)]);
  }

  function shift(/** @type {string} */ arrow, /** @type {boolean} */ fine) {
    const [dx, dy] = ARROWS[/** @type {keyof typeof ARROWS} */ (arrow)].map((way) => way * (fine ? 8 : 24));
    const all = steps(graph);
    const nodes = selection.keys().flatMap((key) => all.get(key) ?? []);
    for (const node of nodes) {
      if (!shifted.has(node)) shifted.set(node, { x: Number(node.dataset.x), y: Number(node.dataset.y) });
      Object.assign(node.dataset, { x: String(Number(node.dataset.x) + dx), y: String(Number(node.dataset.y) + dy) });
    }
    place(graph, nodes);
    draw(graph);
    clearTimeout(resting);
    resting = window.setTimeout(settle, REST);
  }

  /** Send what keys have moved as one edit. */
  function settle() {
    clearTimeout(resting);
    if (!shifted.size) return;
    const before = new Map(shifted);
    shifted.clear();
    board.edits.move([...before.keys()]).catch((why) => {
      for (const [node, at] of before) Object.assign(node.dataset, { x: String(at.x), y: String(at.y) });
      draw(graph);
      board.refused(why);
    });
  }

  function remove() {
    settle();
    const keys = selection.keys();
    const edge = selection.edge();
    if (edge) board.edits.disconnect(edge).catch(board.refused);
    else if (keys.length) board.edits.remove(keys).catch(board.refused);
  }

  /** @type {Record<string, (event: KeyboardEvent) => void>} with Ctrl or Command */
  const commands = {
    z: (event) => { settle(); if (event.shiftKey) board.edits.redo(); else board.edits.undo(); },
    y: () => board.edits.redo(),
    a: () => selection.set([...steps(graph).keys()]),
    d: () => selection.keys().length && board.edits.duplicate(selection.keys()).catch(board.refused),
  };

  /** @type {Record<string, (event: KeyboardEvent) => void>} single keys */
  const plain = {
    Enter: () => { const card = focused(); if (card) selection.set([card.dataset.key ?? ""]); board.inspector.focus(); },
    " ": (event) => { const key = focused()?.dataset.key; if (key && event.shiftKey) selection.toggle(key); else if (key) selection.set([key]); },
    Delete: remove,
    Backspace: remove,
    Escape: () => { selection.set([]); canvas.focus({ preventScroll: true }); },
    c: () => { const key = focused()?.dataset.key ?? selection.keys()[0]; if (key) board.connections.open(key); },
    t: () => board.edits.tidy().catch(board.refused),
  };
  const EDITING = new Set(["Delete", "Backspace", "c", "t", "z", "y", "d"]);

  function pressed(/** @type {KeyboardEvent} */ event) {
    if (typing(event.target) || event.defaultPrevented) return;
    const command = event.ctrlKey || event.metaKey;
    const card = focused();
    if (event.key in ARROWS && !command) {
      if (!card) return;
      event.preventDefault();
      if (event.altKey && board.mayEdit) {
        if (!selection.has(card.dataset.key ?? "")) selection.set([card.dataset.key ?? ""]);
        shift(event.key, event.shiftKey);
      } else if (!event.altKey) go(along(card, event.key));
      return;
    }
    const name = command ? event.key.toLowerCase() : event.key;
    const act = (command ? commands : plain)[name];
    const letter = !command && name.length === 1 && name !== " ";
    if (!act || event.altKey || (letter && !board.letters) || (EDITING.has(name) && !board.mayEdit)) return;
    if (name === "Enter" && !card) return;
    event.preventDefault();
    act(event);
  }

  /** Keys that work anywhere on the page, outside of fields. */
  function anywhere(/** @type {KeyboardEvent} */ event) {
    if (event.key === "F8") {
      event.preventDefault();
      return board.problems.next(event.shiftKey ? -1 : 1);
    }
    if (typing(event.target) || event.defaultPrevented || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && "zy".includes(event.key.toLowerCase()) && board.mayEdit) {
      event.preventDefault();
      return commands[event.key.toLowerCase()](event);
    }
    if (command || !board.letters) return;
    if (event.key === "/" && board.mayEdit) {
      event.preventDefault();
      board.adding.open();
    } else if (event.key === "o") {
      event.preventDefault();
      board.outline.toggle();
    }
  }

  canvas.addEventListener("keydown", pressed, { signal: stop.signal });
  document.addEventListener("keydown", anywhere, { signal: stop.signal });
  root.addEventListener("focusin", (event) => {
    const key = /** @type {Element} */ (event.target).closest(".step[data-key]")?.getAttribute("data-key");
    if (key && /** @type {Element} */ (event.target).matches(":focus-visible")) viewport.center(key);
  }, { signal: stop.signal });
  return { update: settle, destroy: () => { settle(); stop.abort(); } };
}
