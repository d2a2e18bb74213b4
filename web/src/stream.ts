/**
 * One WebSocket that comes back: what arrives is handed on as parsed JSON, and `Link` says how
 * good the line is at any time.
 *
 * Invariants: at most one socket is open; between attempts it waits, longer each time up to
 * `RETRY_MS_MAX`; silence beyond `stale_ms` is reported, and beyond `dead_ms` the socket is
 * dropped and opened anew, because a half-open connection never closes by itself.
 *
 * It knows nothing of what the messages mean.
 */

export type LinkState = "connecting" | "live" | "stale" | "waiting" | "closed";

export interface Link {
  state: LinkState;
  /** When this state began. */
  since: number;
  /** When the last message came; 0 before the first. */
  heard: number;
  /** Failed attempts in a row, and when the next one starts (while `waiting`). */
  attempts: number;
  retryAt: number;
}

export interface StreamOptions {
  /** Silence that counts as stale, and as dead; Infinity for a feed that may be silent. */
  stale_ms: number;
  dead_ms: number;
  /** Where to connect, asked before each attempt. */
  url: () => string;
  opened?: (stream: Stream) => void;
  received: (message: unknown) => void;
  changed: (link: Link) => void;
}

const RETRY_MS = 250;
const RETRY_MS_MAX = 4_000;
const CONNECT_MS_MAX = 5_000;
const LOOK_MS = 250;

export const CLOSED: Link = { state: "closed", since: 0, heard: 0, attempts: 0, retryAt: 0 };

export class Stream {
  link: Link = CLOSED;

  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  // Kept apart from `link`: it changes with every message, which is no change of the link.
  #heard = 0;

  constructor(private readonly options: StreamOptions) {}

  /** Connect, and stay connected until `close`. */
  open(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#connect(0);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#drop();
    this.#change({ ...CLOSED, since: Date.now() });
  }

  /** Send a message; false where there is no connection. What matters is sent on `opened`. */
  send(message: unknown): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect(attempts: number): void {
    const now = Date.now();
    this.#change({ state: "connecting", since: now, heard: this.#heard, attempts, retryAt: 0 });
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.options.url());
    } catch {
      this.#wait();
      return;
    }
    this.#socket = socket;
    const mine = (): boolean => this.#socket === socket;
    socket.onopen = () => {
      if (mine()) this.options.opened?.(this);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (mine() && typeof event.data === "string") this.#receive(event.data);
    };
    socket.onclose = () => {
      if (mine()) this.#wait();
    };
  }

  #receive(text: string): void {
    const now = Date.now();
    this.#heard = now;
    if (this.link.state !== "live") {
      this.#change({ state: "live", since: now, heard: now, attempts: 0, retryAt: 0 });
    }
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    this.options.received(message);
  }

  #look(): void {
    const now = Date.now();
    const { state, since, retryAt, attempts } = this.link;
    const silent = now - Math.max(this.#heard, since);
    if (state === "waiting" && now >= retryAt) this.#connect(attempts);
    else if (state === "connecting" && now - since > CONNECT_MS_MAX) this.#wait();
    else if (state === "stale" && now - this.#heard > this.options.dead_ms) this.#wait();
    else if (state === "live" && silent > this.options.stale_ms) {
      this.#change({ ...this.link, state: "stale", since: now, heard: this.#heard });
    }
  }

  #wait(): void {
    this.#drop();
    const now = Date.now();
    const attempts = this.link.attempts + 1;
    const delay = Math.min(RETRY_MS_MAX, RETRY_MS * 1.7 ** (attempts - 1));
    // Up to a quarter more, so that many pages do not come back at the same instant.
    const retryAt = now + delay * (1 + Math.random() / 4);
    this.#change({ state: "waiting", since: now, heard: this.#heard, attempts, retryAt });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #change(link: Link): void {
    this.link = link;
    this.options.changed(link);
  }
}
