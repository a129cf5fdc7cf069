// JSON as text: grows with it, completes {{ in its texts, and says in which line it stops being JSON before it is sent.
import { create as createTemplate } from "./field_template.js";
import { say } from "./fields.js";

/** One sentence about the first mistake, or nothing. @param {string} text @returns {string} */
export function mistake(text) {
  if (!text.trim()) return "";
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    const words = /** @type {Error} */ (error).message;
    const place = /position (\d+)/.exec(words);
    const end = /line (\d+)/.exec(words);
    const line = end ? end[1] : place ? String(text.slice(0, Number(place[1])).split("\n").length) : String(text.split("\n").length);
    return `Line ${line} is not JSON: ${words.replace(/^JSON\.parse: /, "").replace(/ ?(in JSON )?at position.*$/, "").replace(/, .* is not valid JSON$/, "")}.`;
  }
}

/** Whether one template stands for the whole value. @param {string} text */
const whole = (text) => /^\s*\{\{[^{}]*\}\}\s*$/.test(text);

/** @param {HTMLElement} field @param {import("./fields.js").Surroundings} [around] without it there are no templates */
export function create(field, around) {
  const control = /** @type {HTMLTextAreaElement} */ (field.querySelector("textarea"));
  const stop = new AbortController();

  function grow() {
    control.style.height = "auto";
    control.style.height = `${Math.min(420, control.scrollHeight + 2)}px`;
  }

  control.addEventListener("change", (event) => {
    const words = around && whole(control.value) ? "" : mistake(control.value);
    if (!words) return;
    event.stopPropagation(); // what is not JSON is not sent; it stays in the field
    field.dataset.unsaved = "yes";
    say(field, words);
  }, { signal: stop.signal });
  control.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey || control.selectionStart === control.selectionEnd) return;
    event.preventDefault();
    control.setRangeText("  ", control.selectionStart, control.selectionStart, "end");
  }, { signal: stop.signal });
  const template = around ? createTemplate(field, around) : null;
  if (template) return { grow: template.draw, destroy: () => { stop.abort(); template.destroy(); } };
  control.addEventListener("input", grow, { signal: stop.signal });
  const resize = new ResizeObserver(grow);
  resize.observe(/** @type {Element} */ (control.parentElement));
  return { grow, destroy: () => { stop.abort(); resize.disconnect(); } };
}
