// The text that steps write while they run: kept by step, shown wherever `[data-text=key]` stands.

/** @typedef {{epoch: number, attempt: number, text: string}} Text */

const TAIL = 52; // characters of a card's two lines

/**
 * @param {() => void} moved called when a card has become higher or lower
 * @returns {{take: (frame: any) => void, only: (now: Record<string, string> | null) => void, paint: () => void}}
 */
export function create(moved) {
  /** @type {Map<string, Text>} */
  const texts = new Map();
  let past = false;
  let queued = 0;

  function paint() {
    queued = 0;
    const before = open();
    for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) {
      const known = past ? undefined : texts.get(node.dataset.text ?? "");
      if (known) show(node, known.text);
      else if ("tailOnly" in node.dataset || node.closest("[data-outline]")) node.hidden = true;
    }
    for (const [key, { text }] of past ? [] : texts) {
      const count = text.split(/\s+/).filter(Boolean).length;
      const words = count === 1 ? "1 word so far" : `${count} words so far`;
      for (const node of document.querySelectorAll(`[data-key="${key}"] .rest, [data-outline="${key}"] [data-since], [data-count="${key}"]`)) {
        /** @type {HTMLElement} */ (node).dataset.words = words;
      }
    }
    if (open() !== before) moved();
  }

  /** @returns {string} the cards that show text */
  function open() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".stream:not([hidden])"))].map((node) => node.dataset.text).join(" ");
  }

  function show(/** @type {HTMLElement} */ node, /** @type {string} */ text) {
    const cut = "tailOnly" in node.dataset && text.length > TAIL;
    const shown = cut ? `… ${text.slice(-TAIL).replace(/^\S*\s/, "")}` : text;
    const caret = node.querySelector(".caret") ?? Object.assign(document.createElement("span"), { className: "caret" });
    const follows = node.scrollHeight - node.scrollTop - node.clientHeight < 24;
    node.hidden = false;
    node.replaceChildren(shown, caret);
    if (follows && !("tailOnly" in node.dataset)) node.scrollTop = node.scrollHeight;
  }

  return {
    /** A piece of text: it says where it begins, so that nothing is shown twice. */
    take({ step, epoch, attempt, offset, text }) {
      let known = texts.get(step);
      if (!known || known.epoch !== epoch || known.attempt !== attempt) texts.set(step, (known = { epoch, attempt, text: "" }));
      if (offset <= known.text.length) known.text = known.text.slice(0, offset) + text;
      queued ||= requestAnimationFrame(paint);
    },
    /** Forget the texts of attempts that are over; `now` says `epoch.attempt` of each step that runs, null: the past is shown. */
    only(now) {
      past = now === null;
      for (const [key, known] of texts) if (now && now[key] !== `${known.epoch}.${known.attempt}`) texts.delete(key);
      paint();
    },
    paint,
  };
}
