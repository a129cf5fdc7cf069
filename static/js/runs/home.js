// Home goes on by itself: running runs move, questions arrive, a step that writes shows its text.
import { create as createActs } from "../act.js";
import { create as createLive } from "../live.js";
import { put } from "./regions.js";

const part = /** @type {HTMLElement} */ (document.querySelector("[data-live-part]"));
/** @type {Map<string, {seq: number, texts: Map<string, string>, live: {destroy: () => void}}>} */
const watched = new Map();
let asking = false;
let again = false;

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    try {
      const response = await fetch(location.pathname, { headers: { "HX-Request": "true" } });
      if (response.redirected) { location.reload(); return; }
      if (response.ok) put(part, await response.text());
    } catch {
      break; // the sockets say when the server is back
    }
  } while (again);
  asking = false;
  watch();
}

/** Watch the runs that are shown, and no others. */
function watch() {
  const shown = new Map([.../** @type {NodeListOf<HTMLElement>} */ (part.querySelectorAll("[data-watch]"))].map((node) => [node.dataset.watch ?? "", node]));
  for (const [id, run] of watched) {
    if (shown.has(id)) continue;
    run.live.destroy();
    watched.delete(id);
  }
  for (const [id, node] of shown) {
    if (!watched.has(id)) follow(id, Number(node.dataset.seq));
    write(id);
  }
}

function follow(/** @type {string} */ id, /** @type {number} */ seq) {
  const run = { seq, texts: new Map(), live: { destroy() {} } };
  watched.set(id, run);
  run.live = createLive({
    path: () => `/ws/runs/${id}/?since=${run.seq}`,
    frame(message) {
      if (message.type === "events") {
        run.seq = message.events.at(-1).seq;
        refresh();
      }
      if (message.type !== "token") return;
      const known = message.offset ? run.texts.get(message.step) ?? "" : "";
      run.texts.set(message.step, known.slice(0, message.offset) + message.text);
      write(id);
    },
    state(link) {
      const mark = /** @type {HTMLElement | null} */ (part.querySelector("[data-link]"));
      if (mark) mark.hidden = link !== "open";
    },
  });
}

function write(/** @type {string} */ id) {
  const node = /** @type {HTMLElement | null} */ (part.querySelector(`[data-watch="${id}"] [data-writes]`));
  const text = node && watched.get(id)?.texts.get(node.dataset.writes ?? "");
  if (!node || !text) return;
  const caret = Object.assign(document.createElement("span"), { className: "caret" });
  node.replaceChildren(`: ${text.length > 240 ? `… ${text.slice(-240).replace(/^\S*\s/, "")}` : text}`, caret);
  node.hidden = false;
}

createActs(() => refresh());
document.addEventListener("inbox", refresh);
watch();
