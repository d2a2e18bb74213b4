/**
 * One bot as the page shows it: the trader's state from its own port, and the kill switch, which
 * goes to the exchange and works when the trader does not.
 *
 * The state is split into fields that change only when their content does, so that a table of
 * 200 fills is not laid out five times a second for a price that moved.
 */

import { Refused, Unreachable, type Api } from "./api";
import { coalesced } from "./frame";
import {
  readBotState,
  type BotFill,
  type BotOrder,
  type BotState,
  type KillAnswer,
  type Reconciled,
  type SessionBot,
} from "./messages";
import { CLOSED, Stream, type Link } from "./stream";

/** What became of the last press: null before one. */
export type Kill =
  | { phase: "asking" }
  | { phase: "answered"; answer: KillAnswer }
  | { phase: "failed"; message: string; unknown: boolean };

export class Bot {
  readonly name: string;
  state = $state.raw<BotState | null>(null);
  orders = $state.raw<readonly BotOrder[]>([]);
  fills = $state.raw<readonly BotFill[]>([]);
  log = $state.raw<BotState["log"]>([]);
  equity = $state.raw<BotState["equity"]>([]);
  link = $state.raw<Link>(CLOSED);
  kill = $state.raw<Kill | null>(null);
  resuming = $state(false);
  /** What came of the last comparison that was asked for: null before one. */
  comparison = $state.raw<"asking" | Reconciled | null>(null);

  /** The server's word on the latch, which holds when the trader itself is away. */
  isLatched = $state(false);

  readonly isKilled = $derived(
    this.state?.status === "killed" ||
      (this.isLatched && this.link.state !== "live") ||
      (this.kill?.phase === "answered" && this.kill.answer.killed),
  );

  readonly #api: Api;
  readonly #stream: Stream;
  #newest: BotState | null = null;
  readonly #publish = coalesced(() => this.#draw());

  constructor(api: Api, bot: () => SessionBot) {
    this.#api = api;
    this.name = bot().name;
    this.#stream = new Stream({
      // The trader speaks when something changed: silence alone is no sign of trouble.
      stale_ms: Infinity,
      dead_ms: Infinity,
      url: () => {
        const { ws, token } = bot();
        return `${ws}?${new URLSearchParams({ token })}`;
      },
      received: (message) => this.#receive(message),
      changed: (link) => {
        this.link = link;
      },
    });
  }

  open(): void {
    this.#stream.open();
  }

  close(): void {
    this.#stream.close();
  }

  /** Stop trading and cancel everything; the answer says what the exchange counted afterwards. */
  async stopEverything(): Promise<void> {
    if (this.kill?.phase === "asking") return;
    this.kill = { phase: "asking" };
    try {
      this.kill = { phase: "answered", answer: await this.#api.kill(this.name) };
    } catch (error) {
      this.kill = failure(error);
    }
  }

  /** Lift the latch. */
  async resume(): Promise<void> {
    if (this.resuming) return;
    this.resuming = true;
    try {
      await this.#api.resume(this.name);
      this.kill = null;
    } catch (error) {
      this.kill = failure(error);
    } finally {
      this.resuming = false;
    }
  }

  /** Have everything compared with the venue. */
  async reconcile(): Promise<void> {
    if (this.comparison === "asking") return;
    this.comparison = "asking";
    try {
      this.comparison = await this.#api.reconcile(this.name);
    } catch (error) {
      const failed = failure(error);
      this.comparison = { done: false, text: failed.phase === "failed" ? failed.message : "" };
    }
  }

  #receive(message: unknown): void {
    this.#newest = readBotState(message) ?? this.#newest;
    this.#publish();
  }

  #draw(): void {
    const next = this.#newest;
    if (next === null || next === this.state) return;
    this.state = next;
    if (next.fills.length !== this.fills.length || !sameEnd(next.fills, this.fills, "trade_id")) {
      this.fills = next.fills;
    }
    if (next.log.length !== this.log.length || !sameEnd(next.log, this.log, "time", "text")) {
      this.log = next.log;
    }
    if (JSON.stringify(next.orders) !== JSON.stringify(this.orders)) this.orders = next.orders;
    const [end, known] = [next.equity.at(-1), this.equity.at(-1)];
    if (end?.[0] !== known?.[0] || end?.[1] !== known?.[1]) this.equity = next.equity;
    // Resumed elsewhere, by a command or another page: the old answer no longer describes it.
    const settled = this.kill?.phase === "answered" && this.kill.answer.killed;
    if (settled && next.status === "running") this.#resumedElsewhere();
  }

  #runningSince = 0;

  #resumedElsewhere(): void {
    // The trader's word may lag behind the exchange's answer for a moment.
    const now = Date.now();
    if (this.#runningSince === 0) this.#runningSince = now;
    if (now - this.#runningSince < 3_000) return;
    this.#runningSince = 0;
    this.kill = null;
  }
}

function sameEnd<T>(a: readonly T[], b: readonly T[], ...keys: (keyof T)[]): boolean {
  const [x, y] = [a.at(-1), b.at(-1)];
  return keys.every((key) => x?.[key] === y?.[key]);
}

function failure(error: unknown): Kill {
  if (error instanceof Refused) return { phase: "failed", message: error.message, unknown: false };
  if (error instanceof Unreachable) {
    return { phase: "failed", message: error.message, unknown: true };
  }
  throw error;
}
