// Puts new HTML where it differs from the last, and leaves alone what the reader is at: a form that was begun
// (`[data-keep]`), what has the focus, what was opened and how far it was scrolled.

/** @type {WeakMap<Element, string>} what the server said last */
const said = new WeakMap();

/** @param {ParentNode} region @param {string} name */
function scrolled(region, name) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (region.querySelectorAll(`[${name}]`))];
}

/** Let forms that were begun stand where the new HTML has the same one. @param {DocumentFragment} fresh @param {Element} region */
function keep(fresh, region) {
  for (const old of /** @type {NodeListOf<HTMLElement>} */ (region.querySelectorAll("[data-keep]"))) {
    const twin = fresh.querySelector(`[data-keep="${CSS.escape(old.dataset.keep ?? "")}"]`);
    if (twin && (old.contains(document.activeElement) || dirty(old) || /** @type {HTMLDetailsElement} */ (old).open)) twin.replaceWith(old);
  }
}

/** @param {HTMLElement} form @returns {boolean} whether something was typed or chosen */
function dirty(form) {
  const controls = /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input:not([type=hidden]), textarea, select"));
  return [...controls].some((one) => (one.type === "checkbox" ? one.checked !== one.defaultChecked : "defaultValue" in one && one.value !== one.defaultValue));
}

/** @param {Element} region @param {string} html @returns {boolean} whether anything changed */
export function put(region, html) {
  if (said.get(region) === html) return false;
  said.set(region, html);
  const active = document.activeElement;
  const mine = active instanceof HTMLElement && region.contains(active) ? active : null;
  const focus = mine && (mine.id ? `#${CSS.escape(mine.id)}` : mine.dataset.set ? `[data-set="${CSS.escape(mine.dataset.set)}"]` : "");
  const selection = mine instanceof HTMLInputElement || mine instanceof HTMLTextAreaElement ? [mine.selectionStart, mine.selectionEnd] : null;
  const places = new Map(scrolled(region, "data-scroll").map((node) => [node.dataset.scroll, node]));
  const tops = new Map([...places].map(([name, node]) => [name, { top: node.scrollTop, end: node.scrollHeight - node.scrollTop - node.clientHeight < 8 }]));
  const opened = new Map([.../** @type {NodeListOf<HTMLDetailsElement>} */ (region.querySelectorAll("details[id]"))].map((node) => [node.id, node.open]));
  const top = region.scrollTop;

  const template = document.createElement("template");
  template.innerHTML = html;
  keep(template.content, region);
  region.replaceChildren(template.content);

  for (const [id, open] of opened) {
    const node = /** @type {HTMLDetailsElement | null} */ (region.querySelector(`details#${CSS.escape(id)}`));
    if (node) node.open = open;
  }
  for (const node of scrolled(region, "data-scroll")) {
    const was = tops.get(node.dataset.scroll);
    if (was) node.scrollTop = was.end && "stick" in node.dataset ? node.scrollHeight : was.top;
    else if ("stick" in node.dataset) node.scrollTop = node.scrollHeight;
  }
  region.scrollTop = top;
  if (mine && document.activeElement !== mine) {
    const again = /** @type {HTMLElement | null} */ (mine.isConnected ? mine : focus ? region.querySelector(focus) : null);
    again?.focus({ preventScroll: true });
    if (selection && again instanceof HTMLTextAreaElement) again.setSelectionRange(selection[0], selection[1]);
  }
  return true;
}
