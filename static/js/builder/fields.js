// What a field of the inspector can do beyond its plain control; without script the control alone works.
import { create as createJson } from "./field_json.js";
import { create as createPairs } from "./field_pairs.js";
import { create as createRows } from "./field_rows.js";
import { create as createSchema } from "./field_schema.js";
import { create as createTags } from "./field_tags.js";
import { create as createTemplate } from "./field_template.js";

/** @typedef {{path: string, title: string, names: string[], within: string}} Readable */
/** @typedef {{upstream: Readable[], readOnly: boolean}} Surroundings */

const MAKERS = {
  template: createTemplate,
  template_area: createTemplate,
  expression: createTemplate,
  rows: createRows,
  pairs: createPairs,
  tags: createTags,
  json: createJson,
  schema: createSchema,
};

/** @param {HTMLElement} field `.field[data-widget]` @param {Surroundings} around @returns {{destroy: () => void}[]} */
export function enhance(field, around) {
  const make = MAKERS[/** @type {keyof typeof MAKERS} */ (field.dataset.widget)];
  return make && !around.readOnly ? [make(field, around)] : [];
}

/** Write a value into the control that is saved, and say so. @param {HTMLTextAreaElement} control @param {string} text */
export function commit(control, text) {
  if (control.value === text) return;
  control.value = text;
  control.dispatchEvent(new Event("change", { bubbles: true }));
}

/** A field of several controls is a group by its label's name. @param {HTMLElement} field */
export function entitle(field) {
  const label = field.querySelector(":scope > label");
  if (!label) return;
  const title = document.createElement("span");
  title.className = "label-row strong";
  title.id = `${label.getAttribute("for")}-label`;
  title.append(...label.childNodes);
  label.replaceWith(title);
  field.setAttribute("role", "group");
  field.setAttribute("aria-labelledby", title.id);
}

/** Show an error under a field, or its help again. @param {HTMLElement} field @param {string} words */
export function say(field, words) {
  const help = field.querySelector(":scope > .help");
  const line = field.querySelector(":scope > .error");
  const text = line?.querySelector("[data-error]");
  field.querySelector(":scope > .choose")?.remove();
  field.classList.toggle("bad", words !== "");
  line?.toggleAttribute("hidden", words === "");
  help?.toggleAttribute("hidden", words !== "" || !help.textContent);
  if (text) text.textContent = words;
  for (const control of field.querySelectorAll("[name], [data-column]")) {
    if (control.closest(".field") !== field) continue;
    if (words) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}
