// Edits go to the server one after the other, each with the revision that the person saw; answers are applied in order.

/** @typedef {{code: string, message: string, details: Record<string, any>}} Refusal */
/** @typedef {Record<string, any> & {revision: number}} Answer   what views.edits answers; see patch.js */

const WAITS = [1000, 2000, 4000, 8000];

/**
 * @param {HTMLElement} root with data-edits, data-state, data-revision, data-csrf
 * @param {{apply: (answer: Answer) => void, unreachable: (why: boolean) => void, busy: (count: number) => void}} hooks
 */
export function create(root, hooks) {
  let revision = Number(root.dataset.revision);
  let pending = 0;
  /** @type {Promise<unknown>} */
  let line = Promise.resolve();
  const stop = new AbortController();

  /** Fetch, and again while the server cannot be reached: an edit is never lost silently. */
  async function reach(/** @type {string} */ url, /** @type {RequestInit} */ init) {
    for (let tries = 0; ; tries++) {
      try {
        const response = await fetch(url, { ...init, signal: stop.signal, headers: { Accept: "application/json", "X-CSRFToken": root.dataset.csrf ?? "", "Content-Type": "application/json" } });
        if (tries) hooks.unreachable(false);
        return response;
      } catch (error) {
        if (stop.signal.aborted) throw error;
        hooks.unreachable(true);
        await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(tries, WAITS.length - 1)]));
      }
    }
  }

  /** @param {Response} response that is no answer of ours @returns {Refusal} */
  function strange(response) {
    const out = response.redirected || response.status === 403 || response.status === 404;
    const words = out ? "You are signed out, or may not change this any more. Open the page again." : `The server answered ${response.status}; the change is not saved.`;
    return { code: "strange", message: words, details: {} };
  }

  async function fresh() {
    const response = await reach(root.dataset.state ?? "", { method: "GET" });
    if (response.ok) take(await response.json());
  }

  function take(/** @type {Answer} */ answer) {
    revision = answer.revision;
    root.dataset.revision = String(revision);
    hooks.apply(answer);
  }

  async function post(/** @type {Record<string, any>} */ body) {
    const text = JSON.stringify({ ...body, revision });
    const keepalive = text.length < 30_000; // survives that the page is left; browsers allow 64 KiB of it
    const response = await reach(root.dataset.edits ?? "", { method: "POST", body: text, keepalive });
    if (!response.ok || response.redirected) throw strange(response);
    const answer = await response.json();
    if (answer.refused) {
      if (answer.refused.code === "stale_revision") await fresh(); // somebody else was first: show what there is now
      throw answer.refused;
    }
    take(answer);
    return answer;
  }

  /**
   * Queue an edit. Resolves with the server's answer, already applied; rejects with a Refusal.
   * @param {Record<string, any>} body `{edit}`, `{undo: true}`, `{redo: true}` or `{field: {step, path, text}}`
   * @returns {Promise<Answer>}
   */
  function send(body) {
    hooks.busy(++pending);
    const sent = line.then(() => post(body));
    line = sent.catch(() => undefined).finally(() => hooks.busy(--pending));
    return sent;
  }

  window.addEventListener("beforeunload", (event) => { if (pending) event.preventDefault(); }, { signal: stop.signal });
  return { send, fresh, settled: () => line, destroy: () => stop.abort() };
}
