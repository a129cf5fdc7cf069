// A socket that comes back by itself. `path` is asked anew before every try, so that it can say from where to go on.

/** @typedef {"open" | "lost" | "refused"} Link */
/** @typedef {{path: () => string, frame: (message: any) => void, state?: (link: Link, code: number) => void}} Options */

const SILENCE = 50_000; // ms: the server speaks every 20 s
const LONGEST = 8_000; // ms between two tries
const REFUSED = [4401, 4403, 4404];

/** @param {Options} options @returns {{send: (message: object) => boolean, destroy: () => void}} */
export function create({ path, frame, state = () => {} }) {
  /** @type {WebSocket | null} */
  let socket = null;
  let tries = 0;
  let timer = 0;
  let silence = 0;
  let over = false;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(() => socket?.close(), SILENCE);
  }

  function open() {
    clearTimeout(timer);
    if (over || socket) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(`${scheme}//${location.host}${path()}`);
    socket = mine;
    mine.onopen = () => {
      tries = 0;
      heard();
      state("open", 0);
    };
    mine.onmessage = (event) => {
      heard();
      const message = JSON.parse(event.data);
      if (message.type !== "ping") frame(message);
    };
    mine.onclose = (event) => lost(event.code);
  }

  function lost(/** @type {number} */ code) {
    clearTimeout(silence);
    socket = null;
    if (over) return;
    if (REFUSED.includes(code)) {
      over = true;
      state("refused", code);
      return;
    }
    state("lost", code);
    timer = setTimeout(open, Math.min(LONGEST, 300 * 2 ** tries++) * (0.75 + Math.random() / 2));
  }

  const stop = new AbortController();
  const { signal } = stop;
  addEventListener("online", open, { signal });
  addEventListener("pageshow", open, { signal });
  addEventListener("pagehide", close, { signal });

  function close() {
    clearTimeout(timer);
    clearTimeout(silence);
    const mine = socket;
    socket = null;
    if (!mine) return;
    mine.onclose = mine.onmessage = null;
    if (mine.readyState === WebSocket.CONNECTING) mine.onopen = () => mine.close(); // before, browsers would complain
    else mine.close();
  }

  open();
  return {
    send(message) {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(message));
      return true;
    },
    destroy() {
      over = true;
      stop.abort();
      close();
    },
  };
}
