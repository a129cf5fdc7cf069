// The builder page: one board that all gestures share.
import { draw } from "../canvas/edges.js";
import { create as createMap } from "../canvas/minimap.js";
import { create as createViewport } from "../canvas/viewport.js";
import { create as createAdding } from "./adding.js";
import { create as createClipboard } from "./clipboard.js";
import { create as createConnect } from "./connect.js";
import { create as createConnections } from "./connections.js";
import { create as createEdits } from "./edits.js";
import { create as createExchange } from "./exchange.js";
import { create as createGraph } from "./graph.js";
import { create as createInspector } from "./inspector.js";
import { create as createKeys } from "./keys.js";
import { create as createMenu } from "./menu.js";
import { create as createMove } from "./move.js";
import { create as createOutline } from "./outline.js";
import { create as createPatch } from "./patch.js";
import { create as createPick } from "./pick.js";
import { create as createProblems } from "./problems.js";
import { create as createPublish } from "./publish.js";
import { create as createRenaming } from "./renaming.js";
import { create as createSays } from "./says.js";
import { create as createSelection } from "./selection.js";

/** @typedef {import("./exchange.js").Refusal} Refusal */
/**
 * @typedef {object} Board
 * @property {HTMLElement} root
 * @property {HTMLElement} canvas
 * @property {HTMLElement} graph
 * @property {boolean} mayEdit
 * @property {boolean} letters whether single letters are keys (the profile switches them off)
 * @property {() => ReturnType<typeof createGraph>} model the draft as a graph, as the page shows it
 * @property {() => void} swallowClick the click that ends a drag is none
 * @property {(why: Refusal) => void} refused shows why an edit was refused
 * @property {ReturnType<typeof createViewport>} viewport
 * @property {ReturnType<typeof createSelection>} selection
 * @property {ReturnType<typeof createExchange>} exchange
 * @property {ReturnType<typeof createEdits>} edits
 * @property {ReturnType<typeof createSays>} says
 * @property {ReturnType<typeof createInspector>} inspector
 * @property {ReturnType<typeof createConnections>} connections
 * @property {ReturnType<typeof createProblems>} problems
 * @property {ReturnType<typeof createAdding>} adding
 * @property {ReturnType<typeof createOutline>} outline
 * @property {ReturnType<typeof createRenaming>} renaming
 */

/** @param {HTMLElement} root `[data-builder]` */
export function create(root) {
  const find = (/** @type {string} */ selector) => /** @type {any} */ (root.querySelector(selector));
  const canvas = /** @type {HTMLElement} */ (find("#canvas"));
  const graph = /** @type {HTMLElement} */ (canvas.querySelector(".graph"));
  const board = /** @type {Board} */ ({ root, canvas, graph, mayEdit: root.dataset.mayEdit === "yes", letters: document.body.dataset.keys !== "off" });

  board.model = () => createGraph(
    new Map([.../** @type {NodeListOf<HTMLElement>} */ (graph.querySelectorAll(".step[data-key]"))].map((card) => [card.dataset.key ?? "", card.querySelector(".name")?.textContent ?? ""])),
    [.../** @type {NodeListOf<SVGPathElement>} */ (graph.querySelectorAll(".edge[data-id]"))].map((edge) => {
      const [source, port, target] = (edge.dataset.id ?? "").split(":");
      return { source, port, target };
    }),
  );
  board.swallowClick = () => {
    const stop = (/** @type {Event} */ event) => event.stopImmediatePropagation();
    canvas.addEventListener("click", stop, { capture: true, once: true });
    setTimeout(() => canvas.removeEventListener("click", stop, { capture: true }), 0);
  };
  board.refused = (why) => { if (why?.message) board.says.notice(why.message); };

  draw(graph);
  board.says = createSays(find("#says"));
  board.viewport = createViewport(canvas, { remember: `builder ${root.dataset.id}` });
  board.selection = createSelection(root);
  const map = createMap(canvas, board.viewport);
  const patch = createPatch(root, () => board.outline.fill());
  board.exchange = createExchange(root, {
    apply(answer) {
      board.says.clear();
      patch.update(/** @type {any} */ (answer)).then(() => map.update());
      board.selection.update();
      for (const part of parts) part.update(answer);
      map.update();
      root.dispatchEvent(new CustomEvent("applied", { detail: answer }));
    },
    unreachable(gone) {
      if (gone) board.says.notice("The server cannot be reached, so the last change is not saved yet. Trying again.", { tone: "is-waiting" });
      else board.says.notice("Back. The change is saved.", { tone: "is-completed" });
    },
    busy(count) {
      const saved = root.querySelector("#saved");
      if (saved && count) saved.textContent = "Saving …";
    },
  });
  board.edits = createEdits(board);
  board.inspector = createInspector(board, find("#inspector"));
  board.problems = createProblems(board, find("#problems"));
  board.outline = createOutline(board);
  const parts = [board.inspector, board.problems, createPick(board), createKeys(board), createClipboard(board)];
  if (board.mayEdit) parts.push(...edit());

  /** The gestures of those who may change it. */
  function edit() {
    board.connections = createConnections(board, find("#connect"));
    board.renaming = createRenaming(board, find("#rename"));
    board.adding = createAdding(board, find("#panel-add"), find("#add"));
    return [board.connections, createMove(board), createConnect(board), createMenu(board, find("#more")), createPublish(board)];
  }

  /** @type {Record<string, () => unknown>} */
  const acts = {
    undo: () => board.edits.undo(),
    redo: () => board.edits.redo(),
    tidy: () => board.edits.tidy().then(() => board.viewport.fit(), board.refused),
    settings: () => { board.selection.set([]); board.inspector.open("").then(() => board.inspector.focus()); },
    close: () => { board.selection.set([]); board.inspector.open(null); },
    add: () => board.adding.open(),
  };
  root.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"));
    const act = button && acts[button.dataset.act ?? ""];
    if (!button || !act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (button.getAttribute("aria-disabled") !== "true") act();
  });
  root.addEventListener("selection", (event) => {
    const { keys, before } = /** @type {CustomEvent} */ (event).detail;
    const touched = new Set([...keys, ...before]); // a selected card has a ring, before which its edges end
    draw(graph, [.../** @type {NodeListOf<SVGPathElement>} */ (graph.querySelectorAll(".edge[data-to]"))].filter((edge) => touched.has(edge.dataset.to ?? "")));
    map.update();
  });
  new ResizeObserver(() => { board.viewport.update(); map.update(); if (!graph.querySelector(".edge[d]")) draw(graph); }).observe(canvas);
  const first = board.inspector.shown();
  if (first) {
    board.selection.set([first]);
    board.viewport.center(first);
  }
  board.selection.update();
  return board;
}

const root = /** @type {HTMLElement | null} */ (document.querySelector("[data-builder]"));
if (root) {
  create(root);
  root.dataset.ready = "yes";
}
