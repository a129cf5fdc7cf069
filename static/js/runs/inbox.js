// The inbox: what changes elsewhere arrives by itself; `j` and `k` go through it, `a` approves, `r` rejects.
import { create as createActs } from "../act.js";
import { single } from "../keys.js";
import { put } from "./regions.js";

const main = () => /** @type {HTMLElement} */ (document.getElementById("main"));

/** Fetch the list again, with the same question open; a comment that was begun stays. */
async function refresh() {
  const response = await fetch(location.href, { headers: { "HX-Request": "true" } });
  if (!response.ok || response.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
  if (!page || page.dataset.inbox === main().dataset.inbox) return undefined;
  put(main(), page.innerHTML);
  main().className = page.className;
  main().dataset.inbox = page.dataset.inbox;
  return undefined;
}

let known = false;
document.addEventListener("inbox", (event) => {
  const ids = /** @type {string[]} */ (/** @type {CustomEvent} */ (event).detail.ids);
  const shown = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".mail[data-waits]"))].map((row) => row.dataset.waits ?? "");
  if (known || ids.length !== shown.length || ids.some((id) => !shown.includes(id))) refresh();
  known = true;
});

createActs((to) => location.assign(to));

document.addEventListener("keydown", (event) => {
  if (!single(event)) return;
  const rows = [.../** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a.mail"))];
  const at = rows.findIndex((row) => row.getAttribute("aria-current"));
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form.answer"));
  if (event.key === "j") rows[at + 1]?.click();
  else if (event.key === "k") rows[Math.max(0, at - 1)]?.click();
  else if (event.key === "a") /** @type {HTMLElement | null} */ (form?.querySelector("button[value=approve]"))?.click();
  else if (event.key === "r") /** @type {HTMLElement | null} */ (form?.querySelector("[name=comment]"))?.focus();
  else return;
  event.preventDefault();
});
