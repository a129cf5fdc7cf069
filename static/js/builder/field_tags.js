// A list of short texts as chips: users, tools, channels. Known ones are chosen, others are typed.
import { icon } from "./dom.js";
import { commit } from "./fields.js";

/** @param {HTMLElement} field */
export function create(field) {
  const control = /** @type {HTMLTextAreaElement} */ (field.querySelector("textarea"));
  const stop = new AbortController();
  const known = (control.dataset.options ?? "").split("\n").map((one) => one.split("\t")).filter(([value]) => value);
  const names = new Map(known.map(([value, label]) => [value, label || value]));
  const home = document.createElement("div");
  home.className = "chips";
  const add = known.length ? document.createElement("select") : document.createElement("input");
  add.className = "input";
  add.id = `${control.id}-add`;
  add.setAttribute("aria-describedby", control.getAttribute("aria-describedby") ?? "");
  const box = document.createElement("div");
  box.className = known.length ? "select" : "";
  box.append(add, ...(known.length ? [icon("down")] : []));
  control.hidden = true;
  control.after(home);
  field.querySelector("label")?.setAttribute("for", add.id);
  if (add instanceof HTMLInputElement) add.placeholder = "Add one, then Enter";

  const values = () => control.value.split("\n").map((line) => line.trim()).filter(Boolean);

  function draw() {
    const chosen = values();
    const chips = chosen.map((value) => {
      const chip = document.createElement("span");
      chip.className = names.size && !names.has(value) && !value.includes("{{") ? "chip-item bad" : "chip-item";
      const remove = document.createElement("button");
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove ${names.get(value) ?? value}`);
      remove.append(icon("close"));
      remove.addEventListener("click", () => write(values().filter((other) => other !== value)));
      chip.append(names.get(value) ?? value, remove);
      return chip;
    });
    home.replaceChildren(...chips, box);
    if (!(add instanceof HTMLSelectElement)) return;
    add.replaceChildren(new Option("Add …", ""), ...[...names].filter(([value]) => !chosen.includes(value)).map(([value, label]) => new Option(label, value)));
  }

  function write(/** @type {string[]} */ next) {
    const had = home.contains(document.activeElement);
    commit(control, [...new Set(next)].join("\n"));
    draw();
    if (had) add.focus();
  }

  function take() {
    const value = add.value.trim();
    add.value = "";
    if (value) write([...values(), value]);
  }

  add.addEventListener("change", (event) => { event.stopPropagation(); take(); }, { signal: stop.signal });
  add.addEventListener("keydown", (event) => {
    if (/** @type {KeyboardEvent} */ (event).key !== "Enter" || add instanceof HTMLSelectElement) return;
    event.preventDefault();
    take();
  }, { signal: stop.signal });
  draw();
  return { draw, destroy: () => stop.abort() };
}
