// Names with values: headers, query parameters, an output's parts. Values may be templates.
import { create as createTemplate } from "./field_template.js";
import { iconButton } from "./dom.js";
import { commit, entitle } from "./fields.js";

/** @param {HTMLElement} field @param {import("./fields.js").Surroundings} around */
export function create(field, around) {
  const control = /** @type {HTMLTextAreaElement} */ (field.querySelector("textarea"));
  const stop = new AbortController();
  const label = field.querySelector("label");
  const what = label?.firstChild?.textContent?.trim() ?? "Pairs";
  /** @type {{destroy: () => void}[]} */
  let parts = [];
  const list = document.createElement("ul");
  list.className = "pairs";
  const add = document.createElement("button");
  add.type = "button";
  add.className = "btn dense";
  add.id = `${control.id}-add`;
  add.textContent = "Add one";
  add.setAttribute("aria-label", `Add one to ${what}`);

  /** @returns {[string, string][]} */
  function read() {
    const text = control.value.trim();
    if (!text.startsWith("{")) return text ? text.split("\n").map((line) => /** @type {[string, string]} */ ([line.split(":")[0].trim(), line.slice(line.indexOf(":") + 1).trim()])) : [];
    return Object.entries(JSON.parse(text)).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  }

  /** @returns {[string, string][]} */
  const present = () => [...list.children].map((row) => {
    const name = /** @type {HTMLInputElement} */ (row.querySelector("input"));
    const value = /** @type {HTMLTextAreaElement} */ (row.querySelector("textarea"));
    return [name.value.trim(), value.value];
  });

  function write() {
    const pairs = present().filter(([name]) => name);
    commit(control, pairs.length ? JSON.stringify(Object.fromEntries(pairs)) : "");
  }

  function row(/** @type {string} */ name, /** @type {string} */ value, /** @type {number} */ number) {
    const item = document.createElement("li");
    const left = document.createElement("input");
    left.className = "input";
    left.id = `${control.id}-${number}-name`;
    left.value = name;
    left.setAttribute("aria-label", `${what}, name ${number + 1}`);
    left.placeholder = "Name";
    const right = document.createElement("div");
    right.dataset.widget = "template";
    const area = document.createElement("textarea");
    area.className = "input code";
    area.id = `${control.id}-${number}-value`;
    area.rows = 1;
    area.value = value;
    area.setAttribute("aria-label", `${what}, value ${number + 1}`);
    right.append(area);
    const remove = iconButton("close", `Remove ${name || `pair ${number + 1}`}`);
    remove.addEventListener("click", () => { item.remove(); write(); add.focus(); });
    item.append(left, right, remove);
    list.append(item);
    parts.push(createTemplate(right, around));
    return left;
  }

  function draw() {
    for (const part of parts) part.destroy();
    parts = [];
    list.replaceChildren();
    read().forEach(([name, value], number) => row(name, value, number));
  }

  try {
    draw();
  } catch {
    return { draw: () => undefined, destroy: () => undefined }; // not an object of texts: the plain control shows it as it is
  }
  control.hidden = true;
  control.after(list, add);
  entitle(field);
  list.addEventListener("change", (event) => { event.stopPropagation(); write(); }, { signal: stop.signal });
  add.addEventListener("click", () => row("", "", list.childElementCount).focus(), { signal: stop.signal });
  return { draw, destroy: () => { stop.abort(); for (const part of parts) part.destroy(); } };
}
