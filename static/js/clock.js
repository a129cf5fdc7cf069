// Times that go on by themselves: `[data-since]` how long it lasts, `[data-ago]` how long ago it was.
// The server's clock counts: `set` is told what it said, and the difference to ours is kept.

let ahead = 0; // ms that the server's clock is before ours

/** @param {string | undefined} iso the server's time now */
export function set(iso) {
  if (iso) ahead = Date.parse(iso) - Date.now();
}

/** @returns {number} ms since the epoch by the server's clock */
export const now = () => Date.now() + ahead;

/** As runs/words.py says it. @param {number} seconds @param {string} [minute] @returns {string} */
export function duration(seconds, minute = "min") {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  const units = /** @type {[number, string][]} */ ([[86_400, "d"], [3_600, "h"], [60, minute], [1, "s"]]);
  const i = units.findIndex(([size]) => whole >= size);
  const [size, name] = units[i];
  const rest = i < 3 ? Math.floor((whole % size) / units[i + 1][0]) : 0;
  return `${Math.floor(whole / size)} ${name}${rest ? ` ${rest} ${units[i + 1][1]}` : ""}`;
}

function tick() {
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-since]"))) {
    const begun = Date.parse(node.dataset.since ?? "");
    if (Number.isNaN(begun)) continue;
    const words = [duration((now() - begun) / 1000, node.dataset.minute), node.dataset.tail, node.dataset.words].filter(Boolean).join(" · ");
    if (node.textContent !== words) node.textContent = words;
  }
  for (const node of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time[data-ago]"))) {
    const seconds = (now() - Date.parse(node.dateTime)) / 1000;
    if (seconds >= 45 && seconds < 3570) node.textContent = `${Math.max(1, Math.round(seconds / 60))} min ago`;
  }
}

/** Keep the times of this page going. @returns {{update: () => void, destroy: () => void}} */
export function create() {
  set(document.body.dataset.now);
  const timer = setInterval(tick, 500);
  return { update: tick, destroy: () => clearInterval(timer) };
}
