// What the page says outside of forms: a notice under the bar that stays until it is solved, and a short "done, undo?".
import { icon } from "./dom.js";

/** @param {HTMLElement} home the live region under the bar */
export function create(home) {
  let leaving = 0;

  /** @param {string} words @param {{tone?: string, act?: string, on?: () => void}} [options] */
  function notice(words, options = {}) {
    const box = document.createElement("div");
    box.className = `notice ${options.tone ?? "is-failed"}`;
    const text = document.createElement("p");
    text.className = "small";
    text.textContent = words;
    const close = document.createElement("button");
    close.className = "btn quiet square dense";
    close.type = "button";
    close.setAttribute("aria-label", "Close this message");
    close.append(icon("close"));
    close.addEventListener("click", clear);
    box.append(icon("warn"), text);
    if (options.act && options.on) {
      const act = document.createElement("button");
      act.className = "btn dense";
      act.type = "button";
      act.textContent = options.act;
      act.addEventListener("click", options.on);
      box.append(act);
    }
    box.append(close);
    home.replaceChildren(box);
  }

  function clear() {
    home.replaceChildren();
  }

  /** @param {string} words @param {() => void} [undo] */
  function toast(words, undo) {
    document.querySelector(".toast")?.remove();
    const box = document.createElement("div");
    box.className = "floating toast";
    box.setAttribute("role", "status");
    const text = document.createElement("span");
    text.textContent = words;
    box.append(text);
    if (undo) {
      const button = document.createElement("button");
      button.className = "btn quiet dense push";
      button.type = "button";
      button.textContent = "Undo";
      button.addEventListener("click", () => { box.remove(); undo(); });
      box.append(button);
    }
    document.body.append(box);
    const leave = () => { leaving = window.setTimeout(() => (box.matches(":hover, :focus-within") ? leave() : box.remove()), 6000); };
    clearTimeout(leaving);
    leave();
  }

  return { notice, clear, toast, destroy: clear };
}
