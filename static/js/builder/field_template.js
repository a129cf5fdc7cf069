// A template or expression: values are marked as they are written, {{ completes what earlier steps give.

/** @typedef {import("./fields.js").Readable} Readable */
/** @typedef {{insert: string, more: boolean, lead: string, bold: string, note: string}} Offer */

const ROOTS = /^\s*(steps\.[a-z]\w*|input|run|rollback|item|index|loop)\b/;
const MOST = 12;

/**
 * What can stand after `typed`: names of the step that is named already, else steps.
 * @param {Readable[]} upstream @param {string} typed @returns {Offer[]}
 */
export function offers(upstream, typed) {
  const owner = upstream.find((one) => typed.startsWith(`${one.path}.`));
  if (owner) {
    const rest = typed.slice(owner.path.length + 1);
    return owner.names.filter((name) => name.startsWith(rest) && name !== rest).slice(0, MOST).map((name) => {
      const cut = name.lastIndexOf(".") + 1;
      return { insert: `${owner.path}.${name}`, more: false, lead: name.slice(0, cut), bold: name.slice(cut), note: "" };
    });
  }
  const words = typed.toLowerCase();
  return upstream.filter((one) => one.path !== typed && (one.path.startsWith(words) || (words && `${one.path} ${one.title}`.toLowerCase().includes(words)))).slice(0, MOST).map((one) => ({
    insert: one.names.length ? `${one.path}.` : one.path, more: one.names.length > 0, lead: "", bold: one.path, note: one.title,
  }));
}

/** @param {string} text @param {Readable[]} upstream @returns {(string | HTMLElement)[]} with every value marked */
function marked(text, upstream) {
  const known = new Set(upstream.map((one) => one.path));
  return text.split(/(\{\{.*?\}\}|\{\{[^}]*$)/s).map((part) => {
    if (!part.startsWith("{{")) return part;
    const root = ROOTS.exec(part.slice(2))?.[1] ?? "";
    const span = document.createElement("span");
    span.className = root.startsWith("steps.") && !known.has(root) ? "tpl bad" : "tpl";
    span.textContent = part;
    return span;
  });
}

/** @param {HTMLElement} field @param {import("./fields.js").Surroundings} around */
export function create(field, around) {
  const control = /** @type {HTMLTextAreaElement} */ (field.querySelector("textarea"));
  const bare = field.dataset.widget === "expression";
  const single = !["template_area", "json"].includes(field.dataset.widget ?? "");
  const stop = new AbortController();
  let saved = control.value;
  let at = 0;
  /** @type {Offer[]} */
  let shown = [];

  const home = document.createElement("div");
  home.className = "popup-home over-home";
  const back = document.createElement("div");
  back.className = "input code back-drop";
  back.setAttribute("aria-hidden", "true");
  const list = document.createElement("ul");
  list.className = "menu";
  list.id = `${control.id}-values`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Values from earlier steps");
  const pop = document.createElement("div");
  pop.className = "floating pop";
  pop.hidden = true;
  const foot = document.createElement("p");
  foot.className = "small muted pop-foot";
  const hint = document.createElement("span");
  hint.className = "push";
  const key = document.createElement("kbd");
  key.textContent = "Tab";
  hint.append(key, " to insert");
  foot.append("From the start and from earlier steps", hint);
  pop.append(list, foot);
  control.replaceWith(home);
  home.append(back, control, pop);
  control.classList.add("over");
  control.setAttribute("aria-autocomplete", "list");
  control.setAttribute("aria-controls", list.id);

  function draw() {
    back.replaceChildren(...(bare ? [control.value] : marked(control.value, around.upstream)), "\n");
    control.style.height = "auto";
    control.style.height = `${control.scrollHeight + 2}px`;
  }

  /** What is being written before the caret, or null where no value can stand. */
  function typed() {
    if (control.selectionStart !== control.selectionEnd) return null;
    const before = control.value.slice(0, control.selectionStart);
    const found = bare ? /(?:^|[^\w.\]"'])([a-z][\w.[\]]*)$/i.exec(before) : /\{\{[^}]*?([\w.[\]]*)$/.exec(before);
    return found ? found[1] : null;
  }

  function offer() {
    const word = document.activeElement === control ? typed() : null;
    shown = word === null ? [] : offers(around.upstream, word);
    at = 0;
    list.replaceChildren(...shown.map((one, index) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${index}`;
      item.setAttribute("role", "option");
      const code = document.createElement("code");
      const bold = document.createElement("b");
      bold.textContent = one.bold;
      code.append(one.lead, bold);
      const note = document.createElement("span");
      note.textContent = one.note;
      item.append(code, note);
      return item;
    }));
    pop.hidden = shown.length === 0;
    mark();
  }

  function mark() {
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    if (shown.length) control.setAttribute("aria-activedescendant", `${list.id}-${at}`);
    else control.removeAttribute("aria-activedescendant");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function insert(/** @type {Offer} */ one) {
    const word = typed() ?? "";
    const end = control.selectionStart;
    const start = end - word.length;
    const open = !bare && control.value.slice(0, start).endsWith("{{") ? " " : "";
    const after = control.value.slice(end);
    const close = bare || one.more || /^[^{]*?\}\}/.test(after) ? "" : " }}";
    control.setRangeText(`${open}${one.insert}${close}`, start, end, "end");
    draw();
    offer();
  }

  function pressed(/** @type {KeyboardEvent} */ event) {
    if (shown.length) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) at = (at + step + shown.length) % shown.length;
      else if (event.key === "Escape") shown = [];
      else if (event.key === "Tab" || event.key === "Enter") insert(shown[at]);
      else return;
      event.preventDefault();
      event.stopPropagation();
      pop.hidden = shown.length === 0;
      mark();
    } else if (single && event.key === "Enter") {
      event.preventDefault();
      control.blur();
    }
  }

  const options = { signal: stop.signal };
  control.addEventListener("input", () => { draw(); offer(); }, options);
  control.addEventListener("click", offer, options);
  control.addEventListener("keydown", pressed, options);
  control.addEventListener("change", () => { saved = control.value; }, options);
  control.addEventListener("blur", () => {
    shown = [];
    pop.hidden = true;
    if (control.value !== saved) control.dispatchEvent(new Event("change", { bubbles: true })); // what completion wrote is no typing to the browser
  }, options);
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const item = /** @type {Element} */ (event.target).closest("li");
    if (item) insert(shown[[...list.children].indexOf(item)]);
  }, options);
  const resize = new ResizeObserver(draw);
  resize.observe(home);
  draw();
  return { draw, destroy: () => { stop.abort(); resize.disconnect(); } };
}
