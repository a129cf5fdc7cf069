// The run page: what happened stands in the journal, so the socket only says that there is more, and one request
// fetches the page's new state. Several events that come together are one request.
import { create as createViewport, typing } from "../canvas/viewport.js";
import { create as createActs } from "../act.js";
import { set as setClock } from "../clock.js";
import { create as createLive } from "../live.js";
import { create as createGraph } from "./graph.js";
import { create as createKeys } from "./keys.js";
import { create as createMoments } from "./moments.js";
import { put } from "./regions.js";
import { create as createTexts } from "./texts.js";

const page = /** @type {HTMLElement} */ (document.querySelector("[data-run]"));
const canvas = /** @type {HTMLElement} */ (page.querySelector("[data-canvas]"));
const banner = /** @type {HTMLElement} */ (page.querySelector("[data-lost]"));
const followButton = /** @type {HTMLElement} */ (canvas.querySelector("[data-follow]"));
const here = location.pathname;
let seq = Number(page.dataset.seq);
let hot = page.dataset.hot ?? "";

const graph = createGraph(canvas);
const texts = createTexts(() => graph.redraw());
const viewport = createViewport(canvas);
const wide = matchMedia("(min-width: 721px)");

/* What is shown */

let asking = false;
let again = false;

/** Fetch what the address says, and show it; a wish during a fetch is one more fetch after it. */
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    const wanted = location.search;
    try {
      const response = await fetch(`${here}view.json${wanted}`, { headers: { Accept: "application/json" } });
      if (response.redirected || response.status === 404) { location.reload(); return; }
      if (!response.ok) tell("This page could not be brought up to date.", "Load it again; the run goes on meanwhile.");
      else if (wanted === location.search) show(await response.json());
    } catch {
      again = false; // the server is away; the socket says when it is back
      break;
    }
  } while (again);
  asking = false;
}

/** @param {any} view */
function show(view) {
  setClock(view.now);
  seq = Math.max(seq, view.seq);
  hot = view.hot;
  page.dataset.status = view.status;
  page.toggleAttribute("data-past", view.past);
  page.toggleAttribute("data-over", view.over);
  for (const region of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-region]"))) {
    put(region, view.regions[region.dataset.region ?? ""]);
  }
  const news = graph.update(view);
  texts.only(view.past ? null : Object.fromEntries(Object.entries(view.cards).map(([key, now]) => [key, /** @type {any} */ (now).text])));
  linked();
  moments.update();
  const said = page.querySelector("[data-said]");
  if (said && news.length && !view.past) said.textContent = news.join(". ");
  follow();
}

/* Where the reader goes */

/** @param {string} to an address of this page @param {boolean} [replace] */
function go(to, replace = false) {
  const url = new URL(to, location.href);
  if (url.pathname !== here) { location.assign(url); return; }
  history[replace ? "replaceState" : "pushState"](null, "", `${url.pathname}${url.search}`);
  refresh();
}

/** The present address with `name=value` pairs set; an empty value takes a name out. @param {string} pairs */
function withSet(pairs) {
  const query = new URLSearchParams(location.search);
  if (pairs.startsWith("step=") && !pairs.includes("items=")) for (const name of ["items", "page"]) query.delete(name); // of another map
  for (const [name, value] of new URLSearchParams(pairs)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return `?${query}`;
}

page.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const shut = target.closest("[data-shut]")?.closest("details");
  if (shut) shut.open = false;
  const link = /** @type {HTMLAnchorElement | null} */ (target.closest("a[data-set], a[data-soft]"));
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.dataset.set === undefined ? link.href : withSet(link.dataset.set));
  if (!wide.matches && link.dataset.set?.startsWith("step=")) page.querySelector("[data-region=side]")?.scrollIntoView({ block: "end" });
});
page.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches("[data-goto]")) return;
  event.preventDefault();
  go(withSet(new URLSearchParams(/** @type {any} */ (new FormData(form))).toString()));
});
addEventListener("popstate", refresh);
createActs((to, still) => {
  for (const open of document.querySelectorAll("details.confirm[open]")) open.removeAttribute("open");
  if (still) go(to, true);
  else refresh();
});

/* Following what runs */

function follow(always = false) {
  const wanted = followButton.getAttribute("aria-pressed") === "true" && wide.matches && !page.hasAttribute("data-past");
  if (wanted && hot && (always || !inView(hot))) viewport.center(hot, always);
}

/** @param {string} key @returns {boolean} whether the whole card is in view */
function inView(key) {
  const card = canvas.querySelector(`.step[data-key="${CSS.escape(key)}"]`)?.getBoundingClientRect();
  const view = canvas.getBoundingClientRect();
  return !card || (card.left >= view.left && card.right <= view.right && card.top >= view.top && card.bottom <= view.bottom);
}

function setFollow(/** @type {boolean} */ on) {
  followButton.setAttribute("aria-pressed", String(on));
  if (on) follow(true);
}

followButton.addEventListener("click", () => setFollow(followButton.getAttribute("aria-pressed") !== "true"));
canvas.addEventListener("viewport", (event) => { if (/** @type {CustomEvent} */ (event).detail.byPerson) setFollow(false); });
wide.addEventListener("change", () => { graph.redraw(); viewport.update(); });
addEventListener("resize", () => viewport.update());

/* The socket */

/** @type {"open" | "lost" | "refused" | ""} */
let link = "";
let backTimer = 0;

function tell(/** @type {string} */ strong, /** @type {string} */ words, lost = true) {
  const text = Object.assign(document.createElement("b"), { textContent: strong });
  banner.className = `lost notice ${lost ? "is-waiting" : "is-completed"}`;
  banner.replaceChildren(text, ` ${words}`);
  banner.hidden = false;
}

function linked() {
  for (const mark of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-link]"))) {
    mark.hidden = link !== "open" || page.hasAttribute("data-past") || page.hasAttribute("data-over");
  }
}

createLive({
  path: () => `/ws/runs/${page.dataset.run}/?since=${seq}`,
  frame(message) {
    if (message.type === "token") texts.take(message);
    if (message.type === "events") {
      seq = Math.max(seq, message.events.at(-1).seq);
      refresh();
    }
    if (message.type === "log" && new URLSearchParams(location.search).get("tab") === "log") refresh();
  },
  state(now) {
    const was = link;
    link = now;
    clearTimeout(backTimer);
    if (now === "lost") tell("Live updates are interrupted.", "Trying again; the run goes on meanwhile.");
    if (now === "refused") tell("Live updates have ended.", "You are signed out, or this run is no longer yours to see. Load the page again.");
    if (now === "open" && was === "lost") {
      tell("Back, nothing was missed.", "", false);
      backTimer = setTimeout(() => { banner.hidden = true; }, 3000);
      refresh();
    }
    linked();
  },
});

/* While something runs, the timeline's bars grow though nothing is said. */
setInterval(() => {
  const timeline = !new URLSearchParams(location.search).get("tab");
  if (page.dataset.status === "RUNNING" && timeline && link === "open" && !document.hidden && !page.hasAttribute("data-past")) refresh();
}, 5000);

const moments = createMoments(page, { go: (at) => go(withSet(`at=${at}`), true) });
createKeys(page, { go: (pairs) => go(withSet(pairs)), follow: () => setFollow(followButton.getAttribute("aria-pressed") !== "true"), step: moments.step });
canvas.addEventListener("keydown", (event) => { if (event.key === "Escape" && !typing(event.target)) canvas.focus(); });
linked();
follow();
