// The time slider: drag it, step through it, or let the run play again.

const PAUSE = 600; // ms between two entries of a replay

/**
 * @param {HTMLElement} page
 * @param {{go: (at: string) => void}} options `at` is an entry, or empty for now
 * @returns {{update: () => void, step: (by: number) => void, destroy: () => void}}
 */
export function create(page, { go }) {
  const stop = new AbortController();
  let playing = 0;
  let wish = 0;

  const range = () => /** @type {HTMLInputElement | null} */ (page.querySelector("[data-at]"));

  function to(/** @type {number} */ at) {
    const input = range();
    if (!input) return;
    const last = Number(input.max);
    input.value = String(at); // the next step counts from here, before the answer is there
    go(at >= last ? "" : String(Math.max(1, at)));
  }

  function halt() {
    clearTimeout(playing);
    playing = 0;
  }

  function play() {
    const input = range();
    if (!input) return halt();
    const at = Number(input.value);
    const last = Number(input.max);
    if (at >= last) return halt();
    to(at + 1);
    playing = setTimeout(play, PAUSE);
  }

  page.addEventListener("input", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (!input.matches("[data-at]")) return;
    halt();
    clearTimeout(wish);
    wish = setTimeout(() => to(Number(input.value)), 80); // dragging asks for where the thumb rests
  }, { signal: stop.signal });
  page.addEventListener("click", (event) => {
    if (!(/** @type {HTMLElement} */ (event.target).closest("[data-replay]"))) return;
    if (playing) return halt();
    const input = range();
    if (input && Number(input.value) >= Number(input.max)) {
      input.value = "1";
      to(1);
    }
    playing = setTimeout(play, PAUSE);
  }, { signal: stop.signal });

  function update() {
    const button = /** @type {HTMLElement | null} */ (page.querySelector("[data-replay]"));
    if (button) button.hidden = false;
  }
  update();

  return {
    update,
    step(by) {
      halt();
      const input = range();
      if (input) to(by === Infinity ? Number(input.max) : Number(input.value) + by);
    },
    destroy: () => { halt(); stop.abort(); },
  };
}
