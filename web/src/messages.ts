/**
 * Every message of the two feeds, typed as it is on the wire, and the check that turns parsed
 * JSON into one of them. Prices, sizes and amounts are decimal strings; times are milliseconds.
 *
 * `readPush` and `readBotState` look at what tells messages apart, not at every field: the
 * exchange is ours, and a page of another version should show what it understands.
 */

import type { KillRun } from "./bots/messages";
import type { Decimal } from "./decimal";

export type Side = "buy" | "sell";
export type Level = readonly [price: Decimal, size: Decimal];
export type Interval = "1s" | "1m" | "5m" | "15m" | "1h";

export const INTERVALS: readonly Interval[] = ["1s", "1m", "5m", "15m", "1h"];
export const INTERVAL_MS: Readonly<Record<Interval, number>> = {
  "1s": 1_000,
  "1m": 60_000,
  "5m": 300_000,
  "15m": 900_000,
  "1h": 3_600_000,
};

// -- the native API -----------------------------------------------------------------------------

/** What passes in a market. */
export type MarketState = "open" | "post_only" | "cancel_only" | "halted" | "maintenance";

export interface Instrument {
  symbol: string;
  state: MarketState;
  base: string;
  quote: string;
  tick_size: Decimal;
  lot_size: Decimal;
  size_min: Decimal;
  notional_min: Decimal;
}

export interface BookSnapshot {
  channel: "book";
  type: "snapshot";
  symbol: string;
  sequence: number;
  bids: readonly Level[];
  asks: readonly Level[];
  time: number;
}

/** Levels with their new size; "0" means the level is gone. */
export interface BookDelta {
  channel: "book";
  type: "delta";
  symbol: string;
  first_sequence: number;
  last_sequence: number;
  bids: readonly Level[];
  asks: readonly Level[];
  time: number;
}

export type BookPush = BookSnapshot | BookDelta;

export interface Trade {
  symbol: string;
  trade_id: number;
  price: Decimal;
  size: Decimal;
  taker_side: Side;
  time: number;
}

/** The last 24 hours; null where nothing traded or rests. */
export interface Ticker {
  symbol: string;
  last: Decimal | null;
  open: Decimal | null;
  high: Decimal | null;
  low: Decimal | null;
  volume: Decimal;
  quote_volume: Decimal;
  bid: Decimal | null;
  ask: Decimal | null;
  change_percent: Decimal | null;
  time: number;
}

export interface Candle {
  open_time: number;
  open: Decimal;
  high: Decimal;
  low: Decimal;
  close: Decimal;
  volume: Decimal;
  quote_volume: Decimal;
  trades: number;
  closed: boolean;
}

/** Whether orders are taken, a recording that makes the market is over, or a live one stands still. */
export interface Status {
  trading: boolean;
  ended: boolean;
  notice: string;
  time: number;
}

export type TradePush = { channel: "trades" } & Trade;
export type TickerPush = { channel: "ticker" } & Ticker;
export type CandlePush = { channel: "candles"; symbol: string; interval: Interval } & Candle;
export type Pong = { op: "pong" };
export type Ack = { op: "subscribe" | "unsubscribe"; ok: boolean; error?: ApiError };

export type Push = BookPush | TradePush | TickerPush | CandlePush | Pong | Ack;

export interface ApiError {
  code: string;
  message: string;
  hint?: string | null;
}

/** One thing to listen to on `/ws/v1`. */
export interface Channel {
  channel: "book" | "trades" | "ticker" | "candles";
  symbol: string;
  interval?: Interval;
}

// -- what the page asks its server ---------------------------------------------------------------

export type Environment = "backtest" | "sandbox" | "paper" | "live-canary" | "live";

export interface SessionBot {
  name: string;
  symbol: string;
  ws: string;
  token: string;
  strategy: string;
  alive: boolean;
  /** Its latch is set: it does not trade, running or not. */
  killed?: boolean;
  /** The last kill that began on a page. */
  kill?: KillRun | null;
}

/** A sandbox whose clock is not the machine's: it stands still, or goes on so far ahead. */
export interface SandboxClock {
  frozen_at: number | null;
  ahead_s: number | null;
}

export interface Session {
  environment: Environment;
  market: "crowd" | "tape" | "script" | "live" | "none";
  market_note: string;
  version: string;
  clock: SandboxClock | null;
  started: number;
  dialects: readonly string[];
  symbols: readonly string[];
  bots: readonly SessionBot[];
}

// -- the trader's feed ---------------------------------------------------------------------------

export type BotStatus = "starting" | "running" | "gated" | "killed" | "stopping";

/** What came of a comparison: whether the bot and its venue agree, in words. */
export interface Reconciled {
  done: boolean;
  text: string;
}

export interface BotOrder {
  client_order_id: string;
  order_id: string | number | null;
  side: Side;
  type: "limit" | "market";
  price: Decimal | null;
  size: Decimal;
  filled: Decimal;
  state: "pending" | "unknown" | "working" | "partially_filled";
  created: number;
  /** What is at most ahead of it at its price; null where that is not known. */
  ahead?: Decimal | null;
}

export interface BotFill {
  trade_id: string | number;
  side: Side;
  price: Decimal;
  size: Decimal;
  fee: Decimal;
  fee_asset: string;
  liquidity: "maker" | "taker";
  time: number;
}

/** A limit of [risk]; null: it is off, or not known yet. */
export interface LimitUse {
  name: string;
  text: string;
  limit: Decimal | null;
  used: Decimal | null;
  unit: string;
}

export interface Breaker {
  name: string;
  state: "ready" | "tripped" | "off";
  text: string;
  threshold: string | null;
  window: string | null;
  resume: string | null;
  since: number | null;
  until: number | null;
}

export const STEPS = ["decided", "wire", "ack", "fill"] as const;
export type Step = (typeof STEPS)[number];

/** What a run has measured of its trading; shares are decimals, null: of nothing. */
export interface Measures {
  orders: number;
  refusals: Readonly<Record<string, number>>;
  fill_ratio: Decimal | null;
  slippage: Decimal | null;
  adverse: Readonly<Record<string, Decimal | null>>;
  latencies: Readonly<Record<Step, readonly [counts: readonly number[], sum_us: number]>>;
  bounds_ms: readonly number[];
  spread: Decimal | null;
  depth: Readonly<Record<string, Decimal>> | null;
}

export interface Pacing {
  limits: readonly { name: string; used: number; limit: number }[];
  stopped_until: number | null;
  is_banned: boolean;
}

/** Who trades the bot, and until when; left_ms is null where the lease lasts as long as its process. */
export interface Lease {
  kind: "host" | "postgresql";
  holder: string;
  term: number;
  left_ms: number | null;
  allowed: "all" | "cancels" | "nothing";
  trouble: string | null;
  standbys: readonly string[];
}

export interface BotState {
  type: "state";
  time: number;
  bot: {
    name: string;
    environment: Environment;
    strategy: string;
    symbol: string;
    params: Readonly<Record<string, unknown>>;
    started: number;
  };
  status: BotStatus;
  reason: string | null;
  position: { size: Decimal; average_price: Decimal | null; side: "long" | "flat" | "short" };
  pnl: { currency: string; realized: Decimal; unrealized: Decimal; fees: Decimal; total: Decimal };
  balances: readonly { asset: string; free: Decimal; held: Decimal }[];
  orders: readonly BotOrder[];
  fills: readonly BotFill[];
  equity: readonly (readonly [time: number, value: Decimal])[];
  risk: {
    limits: readonly LimitUse[];
    max_order_notional: Decimal | null;
    max_position: Decimal | null;
    max_open_orders: number | null;
    price_collar: string | null;
    refused: number;
    last_refusal: string | null;
  };
  breakers: readonly Breaker[];
  measures: Measures;
  /** What all bots of the machine have used of the venue's limits; null before it is known. */
  pacing?: Pacing | null;
  /** Null where nobody else could trade it. */
  lease?: Lease | null;
  /** The stop behind the position: what of it is missing; null where there is to be none. */
  protection?: { trigger: Decimal; missing: string | null } | null;
  latency: { order_ms_p50: number; order_ms_p99: number } | null;
  log: readonly { time: number; level: "info" | "warning" | "error"; text: string }[];
}

// -- from JSON -----------------------------------------------------------------------------------

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The push in a parsed frame, or null for one this page does not know. */
export function readPush(value: unknown): Push | null {
  if (!isFields(value)) return null;
  switch (value["channel"]) {
    case "book": {
      const known = value["type"] === "snapshot" || value["type"] === "delta";
      const levels = Array.isArray(value["bids"]) && Array.isArray(value["asks"]);
      return known && levels ? (value as unknown as BookPush) : null;
    }
    case "trades":
      return typeof value["price"] === "string" ? (value as unknown as TradePush) : null;
    case "ticker":
      return typeof value["symbol"] === "string" ? (value as unknown as TickerPush) : null;
    case "candles":
      return typeof value["open_time"] === "number" ? (value as unknown as CandlePush) : null;
    default:
      return typeof value["op"] === "string" ? (value as unknown as Pong | Ack) : null;
  }
}

/** The trader's state in a parsed frame, or null. */
export function readBotState(value: unknown): BotState | null {
  if (!isFields(value) || value["type"] !== "state") return null;
  const whole = isFields(value["bot"]) && isFields(value["pnl"]) && isFields(value["position"]);
  const lists = Array.isArray(value["orders"]) && Array.isArray(value["fills"]);
  return whole && lists && isFields(value["risk"]) ? (value as unknown as BotState) : null;
}
