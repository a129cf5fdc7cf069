// Sends `form[data-act]` without leaving the page. The answer says where to go on: {go: "?step=answer"}.
// What the server refuses stays in the form, as a sentence, until it is sent again.

/** @typedef {Error & {problems?: {field: string, message: string}[]}} Refusal */

/** Put each fault under its field, as the server would have drawn it. @param {HTMLFormElement} form @param {{field: string, message: string}[]} problems */
function blame(form, problems) {
  let first = true;
  for (const { field, message } of problems) {
    const control = form.elements.namedItem(`${form.dataset.fields}${field.split(".")[0]}`);
    if (!(control instanceof HTMLElement)) continue;
    const line = document.createElement("span");
    line.className = "error";
    line.id = `${control.id}-refusal`;
    line.dataset.refusal = "";
    line.textContent = message;
    const box = /** @type {HTMLElement} */ (control.closest(".field"));
    box.classList.add("bad");
    box.append(line);
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-errormessage", line.id);
    if (first) control.focus();
    first = false;
  }
}

/** Take back what the last refusal said. @param {HTMLFormElement} form */
function forgive(form) {
  for (const line of form.querySelectorAll("[data-refusal]")) line.remove();
  if (!form.dataset.fields) return;
  for (const box of form.querySelectorAll(".field.bad")) box.classList.remove("bad");
  for (const control of form.querySelectorAll("[aria-errormessage]")) {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-errormessage");
  }
}

/** @param {HTMLFormElement} form @param {string} words */
function refuse(form, words) {
  const notice = document.createElement("div");
  notice.className = "notice is-failed";
  notice.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = words;
  notice.append(document.createElement("span"), text);
  notice.dataset.refusal = "";
  form.prepend(notice);
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} button @returns {Promise<string>} where to go on */
async function send(form, button) {
  const body = new FormData(form, button);
  let response;
  try {
    const to = form.getAttribute("action") ?? ""; // `form.action` is a button of that name, where there is one
    response = await fetch(to, { method: "POST", body, headers: { Accept: "application/json" } });
  } catch {
    throw new Error("The server does not answer, so nothing has happened. Try again in a moment.");
  }
  const type = response.headers.get("Content-Type") ?? "";
  const answer = type.includes("json") ? await response.json() : {};
  if (!response.ok) {
    const refusal = /** @type {Refusal} */ (new Error(answer.message ?? `The server could not do this (${response.status}). Load the page again.`));
    refusal.problems = answer.details?.problems;
    throw refusal;
  }
  return answer.go ?? response.url;
}

/**
 * @param {(go: string, still: boolean) => void} went called with where to go on, and whether the reader is still
 *   where the form was sent from
 * @returns {{destroy: () => void}}
 */
export function create(went) {
  const stop = new AbortController();
  const busy = new WeakSet();
  document.addEventListener("submit", async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("form[data-act]")) return;
    event.preventDefault();
    if (busy.has(form)) return;
    busy.add(form);
    form.setAttribute("aria-busy", "true");
    forgive(form);
    const from = location.href;
    try {
      went(await send(form, /** @type {SubmitEvent} */ (event).submitter), location.href === from);
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      refuse(form, refusal.message);
      if (form.dataset.fields) blame(form, refusal.problems ?? []);
    } finally {
      busy.delete(form);
      form.removeAttribute("aria-busy");
    }
  }, { signal: stop.signal });
  return { destroy: () => stop.abort() };
}
