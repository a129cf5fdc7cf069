// Somebody else was first: what is written in a field can be saved over theirs, or given up.

/** @param {HTMLElement} field @param {{mine: () => void, theirs: () => void}} acts */
export function offer(field, acts) {
  const box = document.createElement("span");
  box.className = "row choose";
  for (const [words, act] of /** @type {[string, () => void][]} */ ([["Save mine", acts.mine], ["Show theirs", acts.theirs]])) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn dense";
    button.textContent = words;
    button.addEventListener("click", act);
    box.append(button);
  }
  field.append(box);
}
