// The draft as a graph without DOM: what leads where, and why a connection would be refused.

/** @typedef {{source: string, port: string, target: string}} Edge */

/**
 * @param {Map<string, string>} titles of the steps, by key, in reading order
 * @param {Edge[]} edges
 */
export function create(titles, edges) {
  /** @type {Map<string, Edge[]>} */
  const out = new Map();
  /** @type {Map<string, Edge[]>} */
  const into = new Map();
  for (const edge of edges) {
    out.set(edge.source, [...(out.get(edge.source) ?? []), edge]);
    into.set(edge.target, [...(into.get(edge.target) ?? []), edge]);
  }

  /** Whether a path of edges leads from `a` to `b`. */
  function leads(/** @type {string} */ a, /** @type {string} */ b) {
    const todo = [a];
    const seen = new Set(todo);
    for (let key = todo.pop(); key !== undefined; key = todo.pop()) {
      if (key === b) return true;
      for (const edge of out.get(key) ?? []) {
        if (!seen.has(edge.target)) todo.push(edge.target);
        seen.add(edge.target);
      }
    }
    return false;
  }

  const title = (/** @type {string} */ key) => titles.get(key) ?? key;

  /** One sentence that says why not, or nothing where the connection may be made. The server has the last word. */
  function refusal(/** @type {string} */ source, /** @type {string} */ port, /** @type {string} */ target) {
    if (source === target) return "A step cannot come after itself.";
    if ((out.get(source) ?? []).some((edge) => edge.port === port && edge.target === target)) {
      return `“${port}” of ${title(source)} leads to ${title(target)} already.`;
    }
    if (leads(target, source)) return `${title(target)} comes before ${title(source)}, so this would run in a circle.`;
    return "";
  }

  return {
    titles,
    edges,
    title,
    leads,
    refusal,
    /** @param {string} key */
    out: (key) => out.get(key) ?? [],
    /** @param {string} key */
    into: (key) => into.get(key) ?? [],
  };
}
