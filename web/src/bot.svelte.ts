/**
 * One bot as the page shows it: the trader's state from its own port, and the kill switch, which
 * is a process of its own and works when the trader does not.
 *
 * The state is split into fields that change only when their content does, so that a table of
 * 200 fills is not laid out five times a second for a price that moved.
 */

import { Refused, Unreachable, type Api } from "./api";
import { KillSwitch } from "./bots/kill.svelte";
import { coalesced } from "./frame";
import {
  readBotState,
  type BotFill,
  type BotOrder,
  type BotState,
  type Reconciled,
  type SessionBot,
} from "./messages";
import { CLOSED, Stream, type Link } from "./stream";

export class Bot {
  readonly name: string;
  state = $state.raw<BotState | null>(null);
  orders = $state.raw<readonly BotOrder[]>([]);
  fills = $state.raw<readonly BotFill[]>([]);
  log = $state.raw<BotState["log"]>([]);
  equity = $state.raw<BotState["equity"]>([]);
  link = $state.raw<Link>(CLOSED);
  readonly kill: KillSwitch;
  /** What came of the last comparison that was asked for: null before one. */
  comparison = $state.raw<"asking" | Reconciled | null>(null);

  /** The server's word on the latch, which holds when the trader itself is away. */
  isLatched = $state(false);


  readonly #api: Api;
  readonly #stream: Stream;
  #newest: BotState | null = null;
  readonly #publish = coalesced(() => this.#draw());

  constructor(api: Api, bot: () => Pick<SessionBot, "name" | "ws" | "token">) {
    this.#api = api;
    this.name = bot().name;
    this.kill = new KillSwitch(api, this.name);
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

  /** Its own word, or where it gives none the mark's or the kill switch's. */
  get isKilled(): boolean {
    return (
      this.state?.status === "killed" ||
      (this.isLatched && this.link.state !== "live") ||
      (this.kill.isProven && this.state?.status !== "running")
    );
  }

  open(): void {
    this.#stream.open();
  }

  close(): void {
    this.#stream.close();
    this.kill.close();
  }

  /** Have everything compared with the venue. */
  async reconcile(): Promise<void> {
    if (this.comparison === "asking") return;
    this.comparison = "asking";
    try {
      this.comparison = await this.#api.reconcile(this.name);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.comparison = { done: false, text: error.message };
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
  }
}

function sameEnd<T>(a: readonly T[], b: readonly T[], ...keys: (keyof T)[]): boolean {
  const [x, y] = [a.at(-1), b.at(-1)];
  return keys.every((key) => x?.[key] === y?.[key]);
}
