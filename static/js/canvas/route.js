// Where an edge runs: down, across and down, like a track plan. Pure: boxes and points in, points out.

/** @typedef {[number, number]} Point */
/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/** @typedef {{key: string, at: Point, port?: string}} End   the step, and where the edge touches it */
/** @typedef {{hits: (a: Point, b: Point, except: string[]) => number, near: (top: number, bottom: number) => [string, Box][]}} Field */
/** @typedef {Map<number, {from: string, port?: string, to: string, a: number, b: number}[]>} Lanes   what runs across at a height */

const CLEAR = 6; // px between an edge and a card that it passes
const SIDE = 20; // px between a card and an edge that goes round it
const INTO = [18, 26, 34, 10]; // px above the target where an edge may turn, best first
const OUT_OF = [16, 28, 40]; // px below the port

/** @param {Map<string, Box>} boxes @returns {Field} finds the cards that a segment would cross */
export function field(boxes) {
  const rows = [...boxes].sort((a, b) => a[1].y - b[1].y);
  const tallest = rows.reduce((most, [, box]) => Math.max(most, box.h), 0);
  const first = (/** @type {number} */ y) => {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle][1].y < y) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const near = (/** @type {number} */ top, /** @type {number} */ bottom) => {
    const found = [];
    for (let i = first(top - tallest - CLEAR); i < rows.length && rows[i][1].y < bottom + CLEAR; i++) {
      if (rows[i][1].y + rows[i][1].h + CLEAR > top) found.push(rows[i]);
    }
    return found;
  };
  const hits = (/** @type {Point} */ a, /** @type {Point} */ b, /** @type {string[]} */ except) => {
    const [left, right] = [Math.min(a[0], b[0]) - CLEAR, Math.max(a[0], b[0]) + CLEAR];
    return near(Math.min(a[1], b[1]), Math.max(a[1], b[1])).filter(
      ([key, box]) => box.x < right && box.x + box.w > left && !except.includes(key),
    ).length;
  };
  return { hits, near };
}

/** How many edges with another source and another target run across at `y` between `a` and `b`. */
function crowd(/** @type {Lanes} */ lanes, /** @type {number} */ y, /** @type {number} */ a, /** @type {number} */ b, /** @type {End} */ from, /** @type {End} */ to) {
  let count = 0;
  for (let near = y - 3; near <= y + 3; near++) {
    for (const lane of lanes.get(near) ?? []) {
      if (lane.from === from.key ? lane.port === from.port : lane.to === to.key) continue; // a fork, or ways that merge
      if (Math.max(a, b) + 8 > Math.min(lane.a, lane.b) && Math.min(a, b) - 8 < Math.max(lane.a, lane.b)) count++;
    }
  }
  return count;
}

/** Remember what runs across, so that the next edge picks another height. */
function occupy(/** @type {Lanes} */ lanes, /** @type {Point[]} */ points, /** @type {End} */ from, /** @type {End} */ to) {
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    if (a[1] !== b[1] || a[0] === b[0]) continue;
    const row = lanes.get(a[1]) ?? [];
    row.push({ from: from.key, port: from.port, to: to.key, a: a[0], b: b[0] });
    lanes.set(a[1], row);
  }
}

/** The cost of a path: cards crossed, then edges shared, then length and turns. */
function cost(/** @type {Point[]} */ points, /** @type {Field} */ space, /** @type {Lanes} */ lanes, /** @type {End} */ from, /** @type {End} */ to) {
  let total = points.length;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    const outer = i === 1 || i === points.length - 1;
    total += 1000 * space.hits(a, b, outer ? [from.key, to.key] : points.length < 5 ? [from.key, to.key] : []);
    if (a[1] === b[1]) total += 40 * crowd(lanes, a[1], a[0], b[0], from, to);
    total += (Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1])) / 100;
  }
  return total;
}

/** Down, across, down: one path for each height where it may turn. */
function direct(/** @type {Point} */ a, /** @type {Point} */ end) {
  const gap = end[1] - a[1];
  if (gap < 12) return [];
  if (Math.abs(a[0] - end[0]) < 2) return [/** @type {Point[]} */ ([[end[0], a[1]], end])];
  const turns = [...INTO.map((up) => end[1] - up), ...OUT_OF.map((down) => a[1] + down)];
  const fits = turns.filter((y) => y >= a[1] + 8 && y <= end[1] - 8);
  const heights = fits.length ? fits : [Math.round(a[1] + gap / 2)];
  return heights.map((y) => /** @type {Point[]} */ ([a, [a[0], y], [end[0], y], end]));
}

/** Round the cards in between (or up, where the target lies higher): one path for each free column. */
function detours(/** @type {Point} */ a, /** @type {Point} */ end, /** @type {Field} */ space) {
  const [top, bottom] = [Math.min(a[1], end[1]), Math.max(a[1], end[1])];
  const columns = new Set();
  for (const [, box] of space.near(top, bottom)) columns.add(box.x - SIDE).add(box.x + box.w + SIDE);
  const distance = (/** @type {number} */ x) => Math.abs(x - a[0]) + Math.abs(x - end[0]);
  const nearest = [...columns].sort((p, q) => distance(p) - distance(q)).slice(0, 10);
  return nearest.flatMap((x) =>
    [OUT_OF[0], OUT_OF[1]].map((down) => /** @type {Point[]} */ ([
      a, [a[0], a[1] + down], [x, a[1] + down], [x, end[1] - INTO[0]], [end[0], end[1] - INTO[0]], end,
    ])),
  );
}

/**
 * The corners of an edge from a port down to the top of a step.
 * @param {End} from @param {End} to @param {Field} space @param {Lanes} lanes heights already used; the edge's own are added
 * @returns {Point[]}
 */
export function route(from, to, space, lanes) {
  const best = (/** @type {Point[][]} */ paths) => paths
    .map((points) => ({ points, cost: cost(points, space, lanes, from, to) }))
    .reduce((a, b) => (b.cost < a.cost ? b : a), { points: /** @type {Point[]} */ ([from.at, to.at]), cost: Infinity });
  let found = best(direct(from.at, to.at));
  if (found.cost >= 1000) {
    const round = best(detours(from.at, to.at, space));
    if (round.cost < found.cost) found = round;
  }
  occupy(lanes, found.points, from, to);
  return found.points;
}

/**
 * The corners of a rollback edge: out of the failure port, up a lane at the left, into the side of its target.
 * @param {End} from @param {Box} source @param {Box} target @param {Point} end @param {string[]} keys source and target
 * @param {Field} space @param {{x: number, a: number, b: number}[]} backs lanes of other rollbacks; its own is added
 * @returns {Point[]}
 */
export function routeBack(from, source, target, end, keys, space, backs) {
  let lane = Math.min(source.x, target.x) - SIDE;
  const bottom = from.at[1] + 14;
  const [a, b] = [Math.min(bottom, end[1]), Math.max(bottom, end[1])];
  for (let tries = 0; tries < 12; tries++) {
    const blocking = space.near(a, b).filter(([key, box]) => !keys.includes(key) && box.x < lane + CLEAR && box.x + box.w > lane - CLEAR);
    const beside = backs.filter((other) => other.a < b && other.b > a && Math.abs(other.x - lane) < 12);
    if (!blocking.length && !beside.length) break;
    lane = Math.min(lane, ...blocking.map(([, box]) => box.x - SIDE), ...beside.map((other) => other.x - 16));
  }
  backs.push({ x: lane, a, b });
  return [from.at, [from.at[0], bottom], [lane, bottom], [lane, end[1]], end];
}

/** @param {Point[]} points @returns {string} an SVG path with rounded corners */
export function rounded(points, radius = 8) {
  const kept = points.filter((p, i) => i === 0 || p[0] !== points[i - 1][0] || p[1] !== points[i - 1][1]);
  let d = `M${kept[0]}`;
  for (let i = 1; i < kept.length - 1; i++) {
    const [a, b, c] = [kept[i - 1], kept[i], kept[i + 1]];
    const toward = (/** @type {Point} */ p) => {
      const n = Math.hypot(p[0] - b[0], p[1] - b[1]);
      const cut = Math.min(radius, n / 2);
      return [b[0] + ((p[0] - b[0]) / n) * cut, b[1] + ((p[1] - b[1]) / n) * cut];
    };
    d += `L${toward(a)}Q${b} ${toward(c)}`;
  }
  return `${d}L${kept[kept.length - 1]}`;
}
