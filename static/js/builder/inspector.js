// The inspector: shows the form of the selected step (or of the orchestration), saves each field as it is left.
import { create as createTabs } from "./tabs.js";
import { remember, written } from "./dom.js";
import { enhance, say } from "./fields.js";
import { offer } from "./stale.js";

/** @typedef {import("./page.js").Board} Board */

/** @param {Board} board @param {HTMLElement} home */
export function create(board, home) {
  const stop = new AbortController();
  let asked = new AbortController();
  /** @type {{destroy: () => void}[]} */
  let parts = [];
  /** @type {Promise<void>} */
  let loading = Promise.resolve();
  let saving = 0;
  let shown = /** @type {HTMLElement | null} */ (home.querySelector("[data-form]"))?.dataset.form ?? null;

  let wanted = shown; // what was asked for last; `shown` follows once it is there

  let begun = ""; // what the field that has the focus said when it got it
  home.addEventListener("focusin", (event) => { begun = /** @type {HTMLInputElement} */ (event.target).value ?? ""; }, { signal: stop.signal });

  const field = (/** @type {string} */ path) => fields().find((one) => one.dataset.path === path) ?? null;

  /** The form's own fields, not the columns of its rows. */
  const fields = () => [.../** @type {NodeListOf<HTMLElement>} */ (home.querySelectorAll("[data-tab] .field[data-path]"))].filter((one) => !one.closest(".rows"));

  /** The field of a path, or of the nearest path above it. */
  function closest(/** @type {string} */ path) {
    for (let at = path; at; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
      const found = field(at) ?? field(`${at}.type`);
      if (found) return found;
    }
    return null;
  }

  function wire(/** @type {string} */ tab = "") {
    for (const part of parts) part.destroy();
    const list = /** @type {HTMLElement | null} */ (home.querySelector("[role=tablist]"));
    const tabs = list ? createTabs(list) : null;
    if (tab) tabs?.show(tab);
    else if (["#ip-access", "#ip-running"].includes(location.hash)) tabs?.show(`it-${location.hash.slice(4)}`); // where saving came back to
    /** @type {any} */ (window).htmx?.process(home);
    parts = [...(tabs ? [tabs] : []), ...fields().flatMap((one) => enhance(one, { upstream: upstream(one.dataset.path ?? ""), readOnly: !board.mayEdit }))];
  }

  /** What the templates of a field may read. */
  function upstream(/** @type {string} */ path) {
    const text = /** @type {HTMLElement | null} */ (home.querySelector("[data-upstream]"))?.dataset.upstream;
    const known = /** @type {import("./fields.js").Readable[]} */ (text ? JSON.parse(text) : []);
    return known.filter((one) => path.startsWith(one.within));
  }

  /** What was refused stays in its field with the reason. */
  function unsaved() {
    const kept = fields().filter((one) => one.dataset.unsaved).map((one) => ({
      path: one.dataset.path ?? "",
      value: /** @type {HTMLInputElement | null} */ (one.querySelector("[name]"))?.value ?? "",
      words: one.querySelector(":scope > .error")?.textContent?.trim() ?? "",
    }));
    return () => {
      for (const { path, value, words } of kept) {
        const one = field(path);
        const control = /** @type {HTMLInputElement | null | undefined} */ (one?.querySelector("[name]:not([hidden])"));
        if (!one || !control) continue;
        control.value = value;
        control.dispatchEvent(new Event("input", { bubbles: true }));
        one.dataset.unsaved = "yes";
        say(one, words);
      }
    };
  }

  /** Draw the form of `key` ("" is the orchestration, null is none). */
  async function load(/** @type {string | null} */ key) {
    asked.abort();
    asked = new AbortController();
    const query = key === null ? "" : key === "" ? "?settings=1" : `?step=${encodeURIComponent(key)}`;
    history.replaceState(null, "", `${location.pathname}${query}`);
    const { signal } = asked;
    let html = "";
    try {
      const response = await fetch(`${board.root.dataset.inspect}${query}`, { headers: { "HX-Request": "true" }, signal });
      if (!response.ok || response.redirected) throw new Error(`The server answered ${response.status}.`);
      html = await response.text();
    } catch (error) {
      if (signal.aborted) return; // something else was chosen meanwhile
      return board.says.notice("The settings cannot be shown, since the server did not answer. Choose the step again in a moment.");
    }
    const tab = shown === key ? /** @type {HTMLElement | null} */ (home.querySelector("[role=tab][aria-selected=true]"))?.id : "";
    const back = remember(home);
    const keep = [written(home, begun), unsaved()];
    const scrolled = home.scrollTop;
    home.innerHTML = html;
    wire(tab);
    if (shown === key) {
      back();
      for (const restore of keep) restore();
      home.scrollTop = scrolled;
    } else home.scrollTop = 0;
    shown = key;
    home.setAttribute("aria-label", home.querySelector("h2")?.textContent ?? "Settings");
  }

  function open(/** @type {string | null} */ key) {
    board.root.classList.toggle("inspecting", key !== null);
    if (wanted === key && (key === null || home.querySelector("[data-form]"))) return loading;
    wanted = key;
    loading = load(key);
    return loading;
  }

  function saved(/** @type {string} */ words) {
    const line = home.querySelector("[data-saved]");
    if (line) line.textContent = words;
  }

  async function save(/** @type {Event} */ event) {
    const control = /** @type {HTMLInputElement} */ (event.target);
    const one = /** @type {HTMLElement | null} */ (control.closest(".field[data-path]"));
    if (!one || control.name !== one.dataset.path) return;
    const text = control.type === "checkbox" ? (control.checked ? "true" : "false") : control.value;
    const step = shown ?? "";
    saved("Saving …");
    saving++;
    try {
      const answer = await board.edits.field(step, control.name, text);
      if (step !== shown) return;
      saved("Saved");
      delete one.dataset.unsaved;
      say(one, problemOf(answer, step, control.name));
    } catch (error) {
      const why = /** @type {import("./exchange.js").Refusal} */ (error);
      if (step !== shown) return board.refused(why);
      saved("Not saved: see the field");
      one.dataset.unsaved = "yes";
      say(one, why.message);
      if (why.code !== "stale_revision") return;
      offer(one, {
        mine: () => control.dispatchEvent(new Event("change", { bubbles: true })),
        theirs() {
          delete one.dataset.unsaved;
          begun = control.value;
          loading = load(shown);
        },
      });
    } finally {
      saving--;
    }
  }

  function problemOf(/** @type {any} */ answer, /** @type {string} */ step, /** @type {string} */ path) {
    const found = (answer.problem_list ?? []).find((/** @type {any} */ problem) => (problem.step ?? "") === step && (problem.field === path || problem.field.startsWith(`${path}.`)));
    return found?.message ?? "";
  }

  /** Show the problems of the step that is open, field by field; a field that is being written keeps what it says. */
  function problems(/** @type {any} */ answer) {
    for (const one of fields()) {
      if (!one.contains(document.activeElement) && !one.dataset.unsaved) say(one, problemOf(answer, shown ?? "", one.dataset.path ?? ""));
    }
  }

  home.addEventListener("change", save, { signal: stop.signal });
  home.addEventListener("submit", (event) => {
    if (!/** @type {HTMLElement} */ (event.target).matches("[data-fields]")) return;
    event.preventDefault(); // Enter in a field saves it, as leaving it does
    /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
  }, { signal: stop.signal });
  board.root.addEventListener("selection", (event) => {
    const { keys, edge } = /** @type {CustomEvent} */ (event).detail;
    if (keys.length === 1) open(keys[0]);
    else if (wanted !== "" || keys.length || edge) open(null);
  }, { signal: stop.signal });
  wire();

  return {
    /** After an edit: its problems, and the whole form where the edit was not this form's own. @param {any} answer */
    update(answer) {
      const title = home.querySelector("h2");
      const card = shown && board.root.querySelector(`.step[data-key="${CSS.escape(shown)}"] .name`);
      if (title && card) title.textContent = card.textContent;
      const mine = saving > 0 && answer.whole; // a field of this form was refused: what it says must not go
      if (answer.redraw && wanted !== null && !mine) loading = load(wanted);
      else problems(answer);
    },
    open,
    shown: () => shown,
    /** @param {string} [path] the field to go to; the first one without it */
    async focus(path) {
      await loading;
      const one = path ? closest(path) : fields().find((first) => !first.closest("[data-tab][hidden]"));
      const panel = one?.closest("[data-tab]");
      const tab = panel && /** @type {HTMLElement | null} */ (home.querySelector(`[aria-controls="${panel.id}"]`));
      if (tab?.getAttribute("aria-selected") === "false") tab.click();
      const control = /** @type {HTMLElement | null} */ (one?.querySelector("input:not([type=hidden], [hidden]), select, textarea:not([hidden]), button"));
      control?.focus();
      one?.scrollIntoView({ block: "nearest" });
    },
    destroy: () => stop.abort(),
  };
}
