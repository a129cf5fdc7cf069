// What every page runs: CSRF for htmx, the reader's time zone, keys, running clocks, the inbox badge, copying.
import { create as createClock } from "./clock.js";
import { create as createKeys } from "./keys.js";
import { create as createLive } from "./live.js";

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  if (token) /** @type {CustomEvent} */ (event).detail.headers["X-CSRFToken"] = token.slice("csrftoken=".length);
});

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`tz=${zone}`)) document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax`;

document.addEventListener("change", (event) => {
  const form = /** @type {HTMLElement} */ (event.target).closest("form[data-autosubmit]");
  if (form) /** @type {HTMLFormElement} */ (form).requestSubmit();
});

document.addEventListener("click", async (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-copy]");
  const source = button && document.getElementById(/** @type {HTMLElement} */ (button).dataset.copy ?? "");
  if (!button || !source) return;
  await navigator.clipboard.writeText(source.textContent ?? "");
  const label = button.querySelector("[data-label]") ?? button;
  const words = label.textContent;
  label.textContent = "Copied";
  setTimeout(() => { label.textContent = words; }, 1500);
});

createClock();
createKeys();

/** Show how many questions wait, in the bar. @param {number} count @param {{id: string}[]} approvals */
function badge(count, approvals) {
  const link = document.querySelector("[data-inbox-link]");
  if (!link) return;
  link.querySelector(".count")?.remove();
  if (count) {
    const node = document.createElement("span");
    node.className = "count";
    const hint = document.createElement("span");
    hint.className = "hidden";
    hint.textContent = " waiting for you";
    node.append(String(count), hint);
    link.append(node);
  }
  document.dispatchEvent(new CustomEvent("inbox", { detail: { count, ids: approvals.map((one) => one.id) } }));
}

if (document.body.dataset.user) {
  createLive({ path: () => "/ws/inbox/", frame: (message) => { if (typeof message.count === "number") badge(message.count, message.approvals ?? []); } });
}
