// The page of a knowledge base: files are dropped or chosen and go up at once; the form without this
// module is the same form with a button.

/** @typedef {{update: () => void, destroy: () => void}} Gesture */

/**
 * Uploading: drop on the page, or choose. Files over `data-most` bytes are refused before they travel.
 * @param {HTMLFormElement} form @param {HTMLElement} refused where refusals are shown
 * @returns {Gesture}
 */
export function create(form, refused) {
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input[type=file]"));
  const says = /** @type {HTMLElement} */ (form.querySelector("[data-says]"));
  const words = says.textContent ?? "";
  const panel = /** @type {HTMLElement} */ (form.closest("section"));
  const most = Number(form.dataset.most);
  const stop = new AbortController();
  let inside = 0;

  /** @param {Iterable<File>} chosen */
  function send(chosen) {
    const files = [...chosen];
    const small = files.filter((file) => file.size <= most);
    const large = files.filter((file) => file.size > most);
    refused.replaceChildren(...large.map((file) => notice(`${file.name} is larger than ${words.split("up to ").pop()?.replace(" each", "")}. Split it and upload the parts.`)));
    if (!small.length) return form.reset();
    const list = new DataTransfer();
    for (const file of small) list.items.add(file);
    input.files = list.files;
    form.requestSubmit();
  }

  /** @param {DragEvent} event */
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const on = { signal: stop.signal };
  input.addEventListener("change", () => input.files?.length && send(input.files), on);
  document.addEventListener("dragenter", (event) => { if (carriesFiles(event)) { inside += 1; panel.dataset.over = ""; } }, on);
  document.addEventListener("dragleave", (event) => { if (carriesFiles(event)) { inside -= 1; if (inside <= 0) rest(); } }, on);
  document.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); }, on);
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // or the browser would leave the page to show the file
    rest();
    send(event.dataTransfer?.files ?? []);
  }, on);
  form.addEventListener("htmx:xhr:progress", (event) => {
    const { loaded, total } = /** @type {CustomEvent} */ (event).detail;
    if (total) says.textContent = loaded < total ? `Uploading, ${Math.round((loaded / total) * 100)} %` : "Uploaded";
  }, on);
  form.addEventListener("htmx:afterRequest", (event) => {
    says.textContent = words;
    form.reset();
    const { successful, xhr } = /** @type {CustomEvent} */ (event).detail;
    if (!successful) refused.replaceChildren(notice(reason(xhr)));
  }, on);
  for (const link of document.querySelectorAll("[data-add]")) {
    link.addEventListener("click", (event) => { event.preventDefault(); input.click(); }, on);
  }

  function rest() {
    inside = 0;
    delete panel.dataset.over;
  }
  return { update: rest, destroy: () => stop.abort() };
}

/** @param {XMLHttpRequest} xhr @returns {string} */
function reason(xhr) {
  const sent = new DOMParser().parseFromString(xhr.responseText ?? "", "text/html").querySelector("[data-code] p");
  return sent?.textContent ?? "The server did not take the files. Nothing was changed; try again.";
}

/** @param {string} sentence @returns {HTMLElement} */
function notice(sentence) {
  const node = document.createElement("div");
  node.className = "notice is-failed";
  node.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = sentence;
  node.append(document.createElement("span"), text);
  return node;
}

const form = document.querySelector("form[data-drop]");
const refused = document.getElementById("refused");
if (form instanceof HTMLFormElement && refused) create(form, refused);
