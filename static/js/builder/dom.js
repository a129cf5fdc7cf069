// Small makers of elements that several gestures need.

const NS = "http://www.w3.org/2000/svg";

/** @param {string} name of the sprite's symbol @param {string} css @returns {SVGSVGElement} a decorative icon */
export function icon(name, css = "icon") {
  const sprite = /** @type {HTMLElement | null} */ (document.querySelector("[data-sprite]"))?.dataset.sprite ?? "";
  const svg = /** @type {SVGSVGElement} */ (document.createElementNS(NS, "svg"));
  svg.setAttribute("class", css);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(NS, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * @param {string} name @param {string} words for readers @param {string} [css]
 * @returns {HTMLButtonElement} a button that shows only an icon
 */
export function iconButton(name, words, css = "btn quiet square dense") {
  const button = document.createElement("button");
  button.type = "button";
  button.className = css;
  button.setAttribute("aria-label", words);
  button.title = words;
  button.append(icon(name));
  return button;
}

/** @param {string} html of one element @returns {HTMLElement} */
export function element(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  return /** @type {HTMLElement} */ (holder.content.firstElementChild);
}

/** Where the focus is, so that it can be given back after its surroundings were drawn anew. @param {Element} home */
export function remember(home) {
  const active = document.activeElement;
  if (!active || !home.contains(active) || !active.id) return () => undefined;
  const id = active.id;
  const range = active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement ? [active.selectionStart, active.selectionEnd] : null;
  return () => {
    const again = document.getElementById(id);
    if (!again || again === document.activeElement) return;
    again.focus({ preventScroll: true });
    if (range && (again instanceof HTMLTextAreaElement || (again instanceof HTMLInputElement && again.type === "text"))) {
      again.setSelectionRange(range[0], range[1]);
    }
  };
}

/**
 * What is being written in `home` when it is drawn anew goes on being written.
 * @param {HTMLElement} home @param {string} begun what that field said when it got the focus
 * @returns {() => void} puts it back
 */
export function written(home, begun) {
  const control = document.activeElement;
  const texts = control instanceof HTMLTextAreaElement || (control instanceof HTMLInputElement && control.type === "text");
  if (!texts || !home.contains(control) || control.value === begun) return () => undefined;
  const { id, value, selectionStart, selectionEnd } = control;
  return () => {
    const again = /** @type {HTMLTextAreaElement | null} */ (document.getElementById(id));
    if (!again) return;
    again.value = value;
    again.setSelectionRange(selectionStart, selectionEnd);
    again.dispatchEvent(new Event("input", { bubbles: true }));
  };
}
