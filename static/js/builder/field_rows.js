// A list of small forms: a condition's cases, a validation's checks, evidence. Kept as JSON in the control that is saved.
import { icon, iconButton } from "./dom.js";
import { commit, enhance, entitle, say } from "./fields.js";
import { mistake } from "./field_json.js";

/** @typedef {Record<string, any>} Row */

/** What a column's control says, as the document has it; undefined where it is empty. Throws what is wrong with it. */
function read(/** @type {HTMLElement} */ column) {
  const control = /** @type {HTMLInputElement} */ (column.querySelector("[data-column]"));
  const text = control.value;
  switch (column.dataset.widget) {
    case "checkbox": return control.checked || undefined;
    case "number":
    case "integer": {
      if (!text.trim()) return undefined;
      if (Number.isNaN(Number(text))) throw new Error("This is a number, for example 3.");
      return Number(text);
    }
    case "tags": return text.trim() ? text.split("\n").map((line) => line.trim()).filter(Boolean) : undefined;
    case "json":
    case "schema":
    case "pairs":
    case "rows": {
      const words = mistake(text);
      if (words) throw new Error(words);
      return text.trim() ? JSON.parse(text) : undefined;
    }
    default: return text === "" ? undefined : text;
  }
}

function write(/** @type {HTMLElement} */ column, /** @type {any} */ value) {
  const control = /** @type {HTMLInputElement} */ (column.querySelector("[data-column]"));
  if (column.dataset.widget === "checkbox") control.checked = value === true;
  else if (value === undefined || value === null) control.value = control instanceof HTMLSelectElement ? control.options[0]?.value ?? "" : "";
  else if (column.dataset.widget === "tags" && Array.isArray(value)) control.value = value.join("\n");
  else control.value = typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** @param {HTMLElement} field @param {import("./fields.js").Surroundings} around */
export function create(field, around) {
  const control = /** @type {HTMLTextAreaElement} */ (field.querySelector("textarea"));
  const blank = /** @type {HTMLTemplateElement} */ (field.querySelector("template"));
  const stop = new AbortController();
  const plural = field.querySelector("label")?.firstChild?.textContent?.trim().toLowerCase() ?? "";
  const one = field.dataset.one ?? (plural.endsWith("s") ? plural.slice(0, -1) : "entry");
  /** @type {{destroy: () => void}[]} */
  let parts = [];
  const list = document.createElement("ol");
  list.className = "rows";
  const add = document.createElement("button");
  add.type = "button";
  add.className = "btn dense";
  add.id = `${control.id}-add`;
  add.append(icon("plus"), `Add ${/^[aeiou]/.test(one) ? "an" : "a"} ${one}`);

  /** @type {Row[]} as they were, so that what the columns do not show is kept */
  let rows = [];

  const columns = (/** @type {Element} */ item) => /** @type {HTMLElement[]} */ ([...item.querySelectorAll(":scope > .field[data-widget]")]);

  /** Columns that concern only some choice of another column. */
  function fit(/** @type {Element} */ item) {
    for (const column of columns(item)) {
      if (!column.dataset.only) continue;
      const [name, values] = column.dataset.only.split("=");
      const other = /** @type {HTMLInputElement | null} */ (item.querySelector(`[data-column="${name}"]`));
      column.hidden = !values.split(",").includes(other?.value ?? "");
    }
  }

  function save() {
    let wrong = false;
    const next = [...list.children].map((item, index) => {
      const row = { ...rows[Number(/** @type {HTMLElement} */ (item).dataset.was)] };
      for (const column of columns(item)) {
        const name = column.dataset.path ?? "";
        try {
          const value = column.hidden ? undefined : read(column);
          if (value === undefined) delete row[name];
          else row[name] = value;
          say(column, "");
        } catch (error) {
          wrong = true;
          say(column, /** @type {Error} */ (error).message);
        }
      }
      /** @type {HTMLElement} */ (item).dataset.now = String(index);
      return row;
    });
    if (wrong) return;
    rows = next;
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(":scope > li"))) item.dataset.was = item.dataset.now ?? "";
    commit(control, JSON.stringify(next));
    number();
  }

  function number() {
    [...list.children].forEach((item, index) => {
      const head = item.querySelector(".row-head > b");
      if (head) head.textContent = `${one[0].toUpperCase()}${one.slice(1)} ${index + 1}`;
    });
  }

  function turn(/** @type {Element} */ item, /** @type {-1 | 1} */ way, /** @type {HTMLElement} */ button) {
    const other = way < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    if (way < 0) other.before(item);
    else other.after(item);
    button.focus();
    save();
  }

  function draw(/** @type {Row} */ row, /** @type {number} */ index) {
    const item = document.createElement("li");
    item.dataset.was = String(index);
    const head = document.createElement("p");
    head.className = "row-head";
    const title = document.createElement("b");
    const up = iconButton("down", `Move this ${one} up`, "btn quiet square dense turned");
    const down = iconButton("down", `Move this ${one} down`);
    const remove = iconButton("close", `Remove this ${one}`);
    up.addEventListener("click", () => turn(item, -1, up));
    down.addEventListener("click", () => turn(item, 1, down));
    remove.addEventListener("click", () => { item.remove(); save(); add.focus(); });
    head.append(title, up, down, remove);
    item.append(head, blank.content.cloneNode(true));
    for (const column of columns(item)) {
      for (const part of column.querySelectorAll("[name]")) {
        part.setAttribute("data-column", part.getAttribute("name") ?? "");
        part.removeAttribute("name");
      }
      for (const part of column.querySelectorAll("[id], [for], [aria-describedby]")) {
        for (const name of ["id", "for", "aria-describedby"]) {
          const value = part.getAttribute(name);
          if (value) part.setAttribute(name, value.replace(/(^|\s)f-/g, `$1${control.id}-${index}-`));
        }
      }
      write(column, row[column.dataset.path ?? ""]);
    }
    list.append(item);
    fit(item);
    parts.push(...columns(item).flatMap((column) => enhance(column, around)));
    return item;
  }

  try {
    rows = control.value.trim() ? JSON.parse(control.value) : [];
    rows.forEach(draw);
  } catch {
    return { destroy: () => undefined }; // not a list of objects: the plain control shows it as it is
  }
  control.hidden = true;
  control.after(list, add);
  entitle(field);
  number();
  list.addEventListener("change", (event) => {
    event.stopPropagation();
    const item = /** @type {Element} */ (event.target).closest(".rows > li");
    if (item) fit(item);
    save();
  }, { signal: stop.signal });
  add.addEventListener("click", () => {
    const item = draw({}, rows.push({}) - 1);
    number();
    /** @type {HTMLElement | null} */ (item.querySelector("[data-column]"))?.focus();
  }, { signal: stop.signal });
  return { destroy: () => { stop.abort(); for (const part of parts) part.destroy(); } };
}
