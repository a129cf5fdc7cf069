// A JSON Schema of an object as a list of its fields; what the list cannot say is still there as JSON.
import { create as createJson } from "./field_json.js";
import { icon, iconButton } from "./dom.js";
import { commit, entitle } from "./fields.js";

/** @typedef {Record<string, any>} Schema */

/** @type {[string, string, Schema][]} */
const KINDS = [
  ["text", "Text", { type: "string" }],
  ["long", "Long text", { type: "string", format: "textarea" }],
  ["number", "Number", { type: "number" }],
  ["integer", "Whole number", { type: "integer" }],
  ["boolean", "Yes or no", { type: "boolean" }],
  ["choice", "Choice", { enum: [] }],
  ["texts", "List of texts", { type: "array", items: { type: "string" } }],
  ["other", "As in the JSON", {}],
];
const SHAPING = ["type", "format", "enum", "items"];

/** @param {Schema} property @returns {string} its kind */
export function kindOf(property) {
  if (Array.isArray(property.enum) && property.enum.every((/** @type {any} */ one) => typeof one === "string")) return "choice";
  if (property.type === "string" && property.format === "textarea") return "long";
  if (property.type === "string" && !property.format) return "text";
  if (["number", "integer", "boolean"].includes(property.type)) return property.type;
  if (property.type === "array" && property.items?.type === "string" && Object.keys(property.items).length === 1) return "texts";
  return "other";
}

/** @param {any} schema @returns {boolean} whether a list of fields can show it */
export function listable(schema) {
  if (schema === null || typeof schema !== "object" || Array.isArray(schema)) return false;
  return (schema.type ?? "object") === "object" && !["allOf", "anyOf", "oneOf", "$ref", "patternProperties"].some((name) => name in schema) && Object.values(schema.properties ?? {}).every((one) => one !== null && typeof one === "object");
}

/** @param {HTMLElement} field */
export function create(field) {
  const control = /** @type {HTMLTextAreaElement} */ (field.querySelector("textarea"));
  const stop = new AbortController();
  const json = createJson(field);
  const what = field.querySelector("label")?.firstChild?.textContent?.trim() ?? "";
  const list = document.createElement("ol");
  list.className = "rows";
  const add = document.createElement("button");
  add.type = "button";
  add.className = "btn dense";
  add.append(icon("plus"), "Add a field");
  const raw = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "As JSON";
  raw.append(summary);
  raw.className = "raw";
  const note = document.createElement("p");
  note.className = "small muted";

  /** @returns {Schema | null} null where the text is no JSON object */
  function schema() {
    try {
      const value = control.value.trim() ? JSON.parse(control.value) : {};
      return listable(value) ? value : null;
    } catch {
      return null;
    }
  }

  function write(/** @type {Schema} */ next) {
    const empty = Object.keys(next.properties ?? {}).length === 0 && !Object.keys(next).some((key) => !["type", "properties", "required"].includes(key));
    commit(control, empty ? "" : JSON.stringify(next, null, 2));
  }

  /** What the rows say, over what the schema said before, so that nothing unseen is lost. */
  function save() {
    const before = schema();
    if (!before) return;
    /** @type {Record<string, Schema>} */
    const properties = {};
    const required = [];
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(":scope > li"))) {
      const get = (/** @type {string} */ part) => /** @type {HTMLInputElement} */ (item.querySelector(`[data-part=${part}]`));
      const name = get("name").value.trim();
      if (!name) continue;
      const property = { ...(before.properties?.[item.dataset.was ?? ""] ?? {}) };
      const kind = get("kind").value;
      if (kind !== kindOf(property) || !Object.keys(property).length) {
        for (const part of SHAPING) delete property[part];
        Object.assign(property, structuredClone(KINDS.find(([id]) => id === kind)?.[2] ?? {}));
      }
      if (kind === "choice") property.enum = get("choices").value.split("\n").map((line) => line.trim()).filter(Boolean);
      for (const [part, key] of [["title", "title"], ["help", "description"]]) {
        if (get(part).value.trim()) property[key] = get(part).value.trim();
        else delete property[key];
      }
      properties[name] = property;
      if (get("required").checked) required.push(name);
      item.dataset.was = name;
    }
    const { properties: _, required: __, type, ...rest } = before;
    write({ type: type ?? "object", properties, ...(required.length ? { required } : {}), ...rest });
  }

  function labelled(/** @type {string} */ words, /** @type {HTMLElement} */ part, /** @type {string} */ id, /** @type {string} */ css = "field") {
    const box = document.createElement("div");
    box.className = css;
    const label = document.createElement("label");
    part.id = id;
    label.htmlFor = id;
    label.textContent = words;
    box.append(label, part);
    return box;
  }

  function input(/** @type {string} */ part, /** @type {string} */ value) {
    const control = document.createElement("input");
    control.className = "input";
    control.dataset.part = part;
    control.value = value;
    return control;
  }

  function row(/** @type {string} */ name, /** @type {Schema} */ property, /** @type {boolean} */ needed, /** @type {number} */ index) {
    const item = document.createElement("li");
    item.dataset.was = name;
    const id = `${control.id}-s${index}`;
    const kind = document.createElement("select");
    kind.className = "input";
    kind.dataset.part = "kind";
    kind.append(...KINDS.map(([value, label]) => new Option(label, value)));
    kind.value = Object.keys(property).length ? kindOf(property) : "text";
    const choices = document.createElement("textarea");
    choices.className = "input";
    choices.rows = 3;
    choices.dataset.part = "choices";
    choices.value = kind.value === "choice" ? property.enum.join("\n") : "";
    const required = document.createElement("input");
    required.type = "checkbox";
    required.dataset.part = "required";
    required.checked = needed;
    required.id = `${id}-required`;
    const check = document.createElement("label");
    check.className = "check";
    check.htmlFor = required.id;
    check.append(required, "Required");
    const kindBox = labelled("Kind", kind, `${id}-kind`);
    const select = document.createElement("div");
    select.className = "select";
    select.append(kind, icon("down"));
    kindBox.append(select);
    const remove = iconButton("close", `Remove the field ${name}`);
    remove.addEventListener("click", () => { item.remove(); save(); add.focus(); });
    const head = document.createElement("p");
    head.className = "row-head";
    const title = document.createElement("b");
    title.textContent = property.title ?? (name || "New field");
    head.append(title, check, remove);
    const two = document.createElement("div");
    two.className = "two";
    const named = input("name", name);
    named.classList.add("code");
    two.append(labelled("Name", named, `${id}-name`), kindBox);
    const more = labelled("Choices, one a line", choices, `${id}-choices`);
    more.hidden = kind.value !== "choice";
    kind.addEventListener("change", () => { more.hidden = kind.value !== "choice"; });
    item.append(head, two, more, labelled("Label", input("title", property.title ?? ""), `${id}-title`), labelled("Help", input("help", property.description ?? ""), `${id}-help2`));
    list.append(item);
    return named;
  }

  function draw() {
    const now = schema();
    list.hidden = add.hidden = now === null;
    note.textContent = now === null ? "This schema says more than a list of fields can show; it is edited as JSON." : "";
    note.hidden = now !== null;
    if (now === null) raw.open = true;
    list.replaceChildren();
    Object.entries(now?.properties ?? {}).forEach(([name, property], index) => row(name, property, (now?.required ?? []).includes(name), index));
  }

  control.before(note, list, add, raw);
  entitle(field);
  control.setAttribute("aria-label", `${what} as JSON`);
  raw.append(control);
  raw.addEventListener("toggle", json.grow, { signal: stop.signal });
  list.addEventListener("change", (event) => { event.stopPropagation(); save(); }, { signal: stop.signal });
  control.addEventListener("change", () => { if (document.activeElement === control) draw(); }, { signal: stop.signal });
  add.addEventListener("click", () => row("", {}, false, list.childElementCount).focus(), { signal: stop.signal });
  draw();
  return { draw, destroy: () => { stop.abort(); json.destroy(); } };
}
