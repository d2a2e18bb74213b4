/** What a page's server says of bots, as it is on the wire: `dashboard/bots_site.py`. */

import type { Decimal } from "../decimal";
import type { BotStatus, Environment, Step } from "../messages";

/** One line of a kill: what was done, and how many orders were known to be open then. */
export interface KillStep {
  time: number;
  text: string;
  open_orders: number | null;
}

/** What `steelyard kill --json` says of a bot when it has ended. */
export interface KillResult {
  killed: boolean;
  verified: boolean;
  open_orders: number | null;
  left: readonly string[];
  canceled: number;
  bot_answered: boolean;
  at: "venue" | "exchange" | null;
  drill: boolean;
  position: { before: string; left: string; is_flat: boolean; text: string } | null;
  answer_ms: { count: number; median: number; longest: number } | null;
  error: string | null;
  steps: readonly string[];
  elapsed_ms: number;
  exit_code: number;
}

/** The last kill of a bot that began on a page. */
export interface KillRun {
  bot: string;
  drill: boolean;
  flatten: boolean;
  begun: number;
  elapsed_ms: number;
  pid: number;
  over: boolean;
  steps: readonly KillStep[];
  result: KillResult | null;
  /** Why there is no result though it is over. */
  error: string | null;
}

export interface KillWish {
  bot: string;
  confirm: string;
  flatten: boolean;
  drill: boolean;
  who: string;
  why: string;
}

/** How a bot stands: its own word, or what its files say of one that gives none. */
export type Standing = BotStatus | "stopped" | "gone" | "silent";

export interface BotSummary {
  name: string;
  symbol: string | null;
  strategy: string | null;
  environment: Environment | null;
  /** Where its stream is; null where it does not run. */
  ws: string | null;
  token: string | null;
  killed: boolean;
  mark: { why?: string; who?: string; time_ms?: number } | null;
  status: Standing;
  reason: string | null;
  position: { size: Decimal; average_price: Decimal | null; side: "long" | "flat" | "short" } | null;
  pnl: { currency: string; total: Decimal } | null;
  open_orders: number | null;
  tripped: readonly string[];
  near: readonly string[];
  kill: KillRun | null;
}

/** A gate, and whether it lets orders pass. */
export interface Verdict {
  gate: string;
  passes: boolean;
  text: string;
}

/** A line of a bot's past: what passed (true), was stopped (false), or is only told (null). */
export interface Line {
  time: number;
  sequence: number;
  kind: string;
  passed: boolean | null;
  text: string;
}

/** What `steelyard why` says. */
export interface Why {
  answer: string;
  sequence: number;
  written: number;
  gates: readonly Verdict[];
  idle_calls: number;
  lines: readonly Line[];
}

/** A journal that is long is read in parts: so many records so far. */
export interface Reading {
  reading: number;
}

/** A text and how it is set: "bold", "yellow", "red", or "" for plain. */
export type Word = readonly [style: string, text: string];

/** What a run had measured when it was last written down; shares are null where there was nothing. */
export interface Measured {
  time: number;
  orders: number;
  refused: number;
  fill_ratio: Decimal | null;
  reject_ratio: Decimal | null;
  slippage: Decimal | null;
  adverse: Readonly<Record<string, Decimal | null>>;
  latencies: Readonly<Record<Step, { count: number; mean_us: number | null }>>;
}

/** What `steelyard replay` says of a moment, and why. */
export interface Past {
  sequence: number;
  written: number;
  words: readonly (readonly Word[])[];
  document: {
    limits: Readonly<Record<string, string>>;
    breakers: readonly { name: string; since: number; text: string }[];
    measures: Measured | null;
    pnl: { currency: string; realized: Decimal; fees: Decimal };
  };
  why: Why;
  previous: number | null;
  next: number | null;
}

export const LANES = ["orders", "fills", "refused", "stops", "other"] as const;
export type Lane = (typeof LANES)[number];

/** Counts of events in buckets of `width` ms from `begin` on; first and last are the journal's. */
export interface Timeline {
  first: number | null;
  last: number;
  sequence: number;
  begin: number | null;
  width: number;
  lanes: Readonly<Record<Lane, readonly number[]>>;
}

export function isReading(answer: object): answer is Reading {
  return "reading" in answer;
}
