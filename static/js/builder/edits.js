// The edits that a person can make, by name: what is sent, and what is selected afterwards.

/** @typedef {import("./page.js").Board} Board */

const GRID = 24;

/** @param {string} id "source:port:target" */
function ends(id) {
  const [source, port, target] = id.split(":");
  return { source, port, target };
}

/** @param {Board} board */
export function create(board) {
  const { root, selection, viewport, canvas } = board;
  const send = (/** @type {Record<string, any>} */ edit) => board.exchange.send({ edit });
  const card = (/** @type {string} */ key) => /** @type {HTMLElement | null} */ (root.querySelector(`.step[data-key="${CSS.escape(key)}"]`));

  /** Where a card stands in the middle of what is in view; nothing where the canvas is not shown. */
  function middle() {
    const home = canvas.getBoundingClientRect();
    if (!home.width) return undefined;
    const [x, y] = viewport.toGraph(home.left + home.width / 2, home.top + home.height / 2);
    return { x: Math.round((x - 108) / GRID) * GRID, y: Math.round((y - 26) / GRID) * GRID };
  }

  /** Select what an edit made, show it and give it the focus. */
  async function made(/** @type {Promise<import("./exchange.js").Answer>} */ sent) {
    const answer = await sent;
    const keys = /** @type {string[]} */ (answer.added);
    if (!keys.length) return answer;
    selection.set(keys);
    viewport.center(keys[0]);
    const home = card(keys[0]);
    if (home?.offsetParent) home.focus({ preventScroll: true });
    return answer;
  }

  return {
    /**
     * A step of `type`: at a place, on an edge, or after another step (by default the one that is selected).
     * @param {string} type @param {{x?: number, y?: number, onto?: string, after?: string}} [where]
     */
    add(type, where = {}) {
      const placed = where.x !== undefined;
      const onto = where.onto ?? (placed || where.after ? "" : selection.edge());
      const after = where.after ?? (placed || selection.keys().length !== 1 ? "" : selection.keys()[0]);
      const position = placed ? { x: where.x, y: where.y } : undefined;
      if (onto) return made(send({ op: "add_step", type, on_edge: ends(onto) }));
      if (after) return made(send({ op: "add_step", type, after: { source: after } }));
      return made(send({ op: "add_step", type, position: position ?? (root.querySelector(".step[data-key]") ? middle() : undefined) }));
    },
    /** Put a step that is connected to nothing on an edge. @param {string} key @param {string} edge id */
    insert(key, edge) {
      const { source, port, target } = ends(edge);
      return send({ op: "reconnect", edge: { source, port, target }, to: { source, port, target: key } }).then(() => send({ op: "connect", source: key, target }));
    },
    /** @param {HTMLElement[]} cards whose data-x, data-y say where they are now */
    move: (cards) => send({ op: "move", positions: Object.fromEntries(cards.map((node) => [node.dataset.key, { x: Number(node.dataset.x), y: Number(node.dataset.y) }])) }),
    /** @param {string} source @param {string} port @param {string} target */
    connect: (source, port, target) => send({ op: "connect", source, port, target }),
    /** @param {string} id */
    disconnect: (id) => send({ op: "disconnect", ...ends(id) }),
    /** Delete steps with their edges; a lone one is bridged. @param {string[]} keys */
    async remove(keys) {
      const answer = await send({ op: "remove", steps: keys, heal: true });
      board.says.toast(keys.length === 1 ? "Step deleted" : `${keys.length} steps deleted`, () => board.edits.undo());
      if (board.root.contains(document.activeElement) || document.activeElement === document.body) canvas.focus({ preventScroll: true });
      return answer;
    },
    /** @param {string[]} keys */
    duplicate: (keys) => made(send({ op: "duplicate", steps: keys })),
    /** @param {{steps: any[], edges: any[]}} lot from this draft or another @param {{x: number, y: number} | undefined} position of its corner */
    paste: (lot, position) => made(send({ op: "paste", ...lot, position })),
    middle,
    tidy: () => send({ op: "tidy" }),
    /** @param {string} key @param {string} to */
    rename: (key, to) => send({ op: "rename_key", key, to }),
    undo: () => board.exchange.send({ undo: true }).catch(board.refused),
    redo: () => board.exchange.send({ redo: true }).catch(board.refused),
    /** @param {string} step empty for the orchestration itself @param {string} path @param {string} text as the control says it */
    field: (step, path, text) => board.exchange.send({ field: { step, path, text } }),
  };
}
