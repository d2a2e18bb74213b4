/**
 * The market as the page shows it: instruments, tickers of all of them, and book, trades and
 * candles of the chosen one, over one native WebSocket.
 *
 * The machines behind (`Book`, `Candles`) take every message at once; what is drawn is published
 * once per frame. A gap in the book's numbers asks for a new snapshot, `resyncing` until it is
 * there.
 */

import type { Api } from "./api";
import { Book } from "./book";
import { coalesced } from "./frame";
import {
  readPush,
  type Ack,
  type BookPush,
  type Channel,
  type Instrument,
  type Interval,
  type MarketState,
  type Push,
  type Status,
  type Ticker,
  type Trade,
} from "./messages";
import { CLOSED, Stream, type Link } from "./stream";

export const TRADES_MAX = 80;
const PING_MS = 2_000;
const STATUS_MS = 5_000;
const RETRY_MS = 1_500;
const STALE_MS = 3_000;
const DEAD_MS = 10_000;
// A snapshot that does not come is asked for again.
const RESYNC_MS = 3_000;

export type Availability = "asking" | "up" | "down";
export type BookSync = "loading" | "live" | "resyncing";

/** What wants the candles: the chart. It says when it needs another interval. */
export interface CandleSink {
  interval: Interval;
  push: (push: Extract<Push, { channel: "candles" }>) => void;
  reload: () => void;
}

export class Market {
  availability = $state<Availability>("asking");
  instruments = $state.raw<readonly Instrument[]>([]);
  symbol = $state("");
  tickers = $state.raw<Readonly<Record<string, Ticker>>>({});
  trades = $state.raw<readonly Trade[]>([]);
  link = $state.raw<Link>(CLOSED);
  bookSync = $state<BookSync>("loading");
  /** Counts published changes of `book`, which itself is a plain machine. */
  bookVersion = $state(0);
  bookSequence = $state(0);
  /** How often a new snapshot was asked for since the page was opened. */
  resyncs = $state(0);
  /** There and back on the stream; null until measured. */
  roundTripMs = $state<number | null>(null);
  /** Null until asked. */
  status = $state.raw<Status | null>(null);
  /** What passes in each market, by symbol. */
  states = $state.raw<Readonly<Record<string, MarketState>>>({});
  /** Refused subscriptions and the like, in the exchange's words. */
  complaint = $state<string | null>(null);

  readonly instrument = $derived(
    this.instruments.find((instrument) => instrument.symbol === this.symbol) ?? null,
  );
  readonly state = $derived(this.states[this.symbol] ?? "open");
  readonly ticker = $derived(this.tickers[this.symbol] ?? null);

  book: Book | null = null;

  readonly #api: Api;
  readonly #stream: Stream;
  #sink: CandleSink | null = null;
  #newTickers: Record<string, Ticker> = {};
  #newTrades: Trade[] = [];
  #pingedAt: number | null = null;
  #resyncAt = 0;
  #connections = 0;
  readonly #publish = coalesced(() => this.#draw());

  constructor(api: Api, url: () => string) {
    this.#api = api;
    this.#stream = new Stream({
      url,
      stale_ms: STALE_MS,
      dead_ms: DEAD_MS,
      opened: () => this.#opened(),
      received: (message) => this.#receive(message),
      changed: (link) => this.#linked(link),
    });
  }

  /** Learn what is listed, choose `wanted` or the first, and connect; tries until it succeeds. */
  async start(wanted: string | null): Promise<void> {
    for (;;) {
      try {
        const [instruments, tickers] = await Promise.all([
          this.#api.instruments(),
          this.#api.tickers().catch(() => []),
        ]);
        this.instruments = instruments;
        this.states = statesOf(instruments);
        this.tickers = Object.fromEntries(tickers.map((ticker) => [ticker.symbol, ticker]));
        break;
      } catch {
        this.availability = "down";
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.availability = "up";
    const first = this.instruments[0]?.symbol ?? "";
    const known = this.instruments.some((instrument) => instrument.symbol === wanted);
    this.#enter(known && wanted !== null ? wanted : first);
    this.#stream.open();
    setInterval(() => this.#ping(), PING_MS);
    setInterval(() => void this.#askStatus(), STATUS_MS);
    void this.#askStatus();
  }

  /** Show another instrument. */
  select(symbol: string): void {
    if (symbol === this.symbol) return;
    this.#ask("unsubscribe", this.#channels());
    this.#enter(symbol);
    this.#ask("subscribe", this.#channels());
  }

  /** Attach the chart, or with null detach it. */
  feedCandles(sink: CandleSink | null): void {
    if (this.#sink !== null) this.#ask("unsubscribe", [this.#candleChannel(this.#sink.interval)]);
    this.#sink = sink;
    if (sink !== null) this.#ask("subscribe", [this.#candleChannel(sink.interval)]);
  }

  #enter(symbol: string): void {
    this.symbol = symbol;
    const instrument = this.instruments.find((one) => one.symbol === symbol);
    this.book = instrument === undefined ? null : new Book(instrument);
    this.bookSync = "loading";
    this.bookVersion += 1;
    this.trades = [];
    this.#newTrades = [];
    void this.#loadTrades();
  }

  async #loadTrades(): Promise<void> {
    const symbol = this.symbol;
    try {
      const trades = await this.#api.trades(symbol, TRADES_MAX);
      if (symbol !== this.symbol) return;
      this.#newTrades = [...trades, ...this.#newTrades];
      this.#publish();
    } catch {
      // The live channel fills the list in a moment; the link tells whether anything is wrong.
    }
  }

  #channels(): Channel[] {
    const symbol = this.symbol;
    const channels: Channel[] = [
      { channel: "book", symbol },
      { channel: "trades", symbol },
    ];
    if (this.#sink !== null) channels.push(this.#candleChannel(this.#sink.interval));
    return channels;
  }

  #candleChannel(interval: Interval): Channel {
    return { channel: "candles", symbol: this.symbol, interval };
  }

  #ask(op: "subscribe" | "unsubscribe", channels: readonly Channel[]): void {
    this.#stream.send({ op, id: op, channels });
  }

  #opened(): void {
    this.#connections += 1;
    this.#ask(
      "subscribe",
      this.instruments.map(({ symbol }) => ({ channel: "ticker", symbol })),
    );
    this.#ask("subscribe", this.#channels());
    if (this.#connections > 1) {
      void this.#loadTrades();
      this.#sink?.reload();
    }
    this.#ping();
  }

  #linked(link: Link): void {
    this.link = link;
    if (link.state === "waiting" && this.book !== null) {
      this.book.clear();
      this.bookSync = "loading";
      this.roundTripMs = null;
      this.#pingedAt = null;
    }
  }

  #ping(): void {
    if (this.#stream.send({ op: "ping" })) this.#pingedAt ??= performance.now();
    if (this.bookSync === "resyncing" && performance.now() - this.#resyncAt > RESYNC_MS) {
      this.#resync();
    }
  }

  async #askStatus(): Promise<void> {
    if (document.hidden) return;
    try {
      const [status, instruments] = await Promise.all([
        this.#api.status(),
        this.#api.instruments(),
      ]);
      this.status = status;
      this.states = statesOf(instruments);
    } catch {
      // The link tells whether the exchange is away; the last status stands until then.
    }
  }

  #receive(message: unknown): void {
    const push = readPush(message);
    if (push === null) return;
    if ("op" in push) this.#acknowledged(push);
    else if (push.channel === "ticker") this.#newTickers[push.symbol] = push;
    else if (push.symbol !== this.symbol) return;
    else if (push.channel === "book") this.#applyBook(push);
    else if (push.channel === "trades") this.#newTrades.push(push);
    else this.#sink?.push(push);
    if (this.#newTrades.length > TRADES_MAX * 2) this.#newTrades.splice(0, TRADES_MAX);
    this.#publish();
  }

  #acknowledged(answer: Ack | { op: "pong" }): void {
    if (answer.op === "pong") {
      if (this.#pingedAt !== null) this.roundTripMs = performance.now() - this.#pingedAt;
      this.#pingedAt = null;
    } else {
      this.complaint = answer.ok ? this.complaint : (answer.error?.message ?? "a refusal");
    }
  }

  #applyBook(push: BookPush): void {
    let applied: ReturnType<Book["apply"]>;
    try {
      applied = this.book?.apply(push) ?? "ignored";
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // A level off the instrument's steps: what we hold can no longer be trusted.
      this.book?.clear();
      applied = "gap";
    }
    if (applied === "gap") this.#resync();
    else if (applied === "applied") {
      this.bookSync = "live";
    }
  }

  #resync(): void {
    this.resyncs += 1;
    this.bookSync = "resyncing";
    this.#resyncAt = performance.now();
    const channels: Channel[] = [{ channel: "book", symbol: this.symbol }];
    this.#ask("unsubscribe", channels);
    this.#ask("subscribe", channels);
  }

  #draw(): void {
    if (Object.keys(this.#newTickers).length > 0) {
      this.tickers = { ...this.tickers, ...this.#newTickers };
      this.#newTickers = {};
    }
    if (this.#newTrades.length > 0) {
      this.trades = newest(this.#newTrades, this.trades);
      this.#newTrades = [];
    }
    if (this.book !== null && this.book.sequence !== this.bookSequence) {
      this.bookSequence = this.book.sequence;
      this.bookVersion += 1;
    }
  }
}

function statesOf(instruments: readonly Instrument[]): Record<string, MarketState> {
  return Object.fromEntries(instruments.map(({ symbol, state }) => [symbol, state]));
}

/** Newest first, each trade once, whatever order history and live trades come in. */
function newest(fresh: readonly Trade[], known: readonly Trade[]): readonly Trade[] {
  const byId = new Map(known.map((trade) => [trade.trade_id, trade]));
  for (const trade of fresh) byId.set(trade.trade_id, trade);
  return [...byId.values()].sort((a, b) => b.trade_id - a.trade_id).slice(0, TRADES_MAX);
}
