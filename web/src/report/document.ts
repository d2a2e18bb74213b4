/**
 * The documents that a page is made around: `steelyard.backtest.report` and `.compare` write them.
 *
 * Times in nanoseconds are read as binary numbers, so they are right to a microsecond only; what
 * the page prints of them is coarser.
 */

import type { Decimal } from "../decimal";

export type Unit = "quote" | "base" | "share" | "rate" | "ratio" | "count" | "time" | "days";
export type Value = number | Decimal | null;

export interface Figure {
  name: string;
  label: string;
  group: string;
  unit: Unit;
  better: number;
  about: string;
  value: Value;
  why: string | null;
}

export interface Head {
  name: string;
  strategy: string;
  symbol: string;
  base: string;
  quote: string;
  tick_size: Decimal;
  lot_size: Decimal;
  start_ns: number;
  end_ns: number;
  interval_ns: number | null;
  /** Name, hash, and gaps as [from_ns, until_ns). */
  sources: [name: string, sha256: string, gaps: [number, number][]][];
  version: string;
  is_partial: boolean;
  failure: string | null;
  events: number;
  seconds: number;
}

export interface Verdict {
  tone: "good" | "unsure" | "bad";
  text: string;
}

export interface Warned {
  rule: string;
  is_serious: boolean;
  text: string;
}

export interface Curve {
  time_s: number[];
  equity: number[];
  held: number[] | null;
  drawdown: number[];
  exposure: number[];
  points: number;
}

export interface CandleColumns {
  interval_ns: number;
  decimals: number;
  time_s: number[];
  open: number[];
  high: number[];
  low: number[];
  close: number[];
  volume: number[];
}

export interface Marks {
  time_s: number[];
  side: number[];
  fills: number[];
  size: Decimal[];
  price: Decimal[];
  fees_quote: Decimal[];
}

export interface Rows {
  total: number;
  left_out: number;
  number: number[];
}

export interface TripRows extends Rows {
  opened_ns: number[];
  closed_ns: number[];
  side: number[];
  size: Decimal[];
  entry_price: Decimal[];
  exit_price: Decimal[];
  fees_quote: Decimal[];
  profit_quote: Decimal[];
  profit_share: number[];
}

export interface FillRows extends Rows {
  sha256: string;
  time_ns: number[];
  order_id: number[];
  side: number[];
  price: Decimal[];
  size: Decimal[];
  is_maker: number[];
  fee: Decimal[];
  fee_asset: string[];
  delay_quote: string[];
  price_quote: string[];
  position: Decimal[];
}

export interface Permuted {
  runs: number;
  seed: number;
  observed: number;
  chance_mean: number;
  chance_p95: number;
  p_value: number;
}

export interface Overfit {
  sharpe: {
    daily_sharpe: number;
    days: number;
    probability: number;
    days_needed: number | null;
    trials: number | null;
    expected_max: number | null;
    deflated: number | null;
  } | null;
  order: {
    runs: number;
    seed: number;
    observed_drawdown_share: number;
    median_drawdown_share: number;
    p95_drawdown_share: number;
    worst_drawdown_share: number;
    deeper_share: number;
    ruined_share: number;
  } | null;
  signals: Permuted | null;
  coin: Permuted | null;
  absent: Record<string, string>;
}

export type Fall = [
  peak_ns: number,
  trough_ns: number,
  recovered_ns: number | null,
  depth_share: number,
  length_ns: number,
];

export interface Report {
  kind: "report";
  schema: number;
  head: Head;
  verdict: Verdict;
  assumptions: [about: string, text: string][];
  warnings: Warned[];
  figures: Figure[];
  metrics: {
    orders: number;
    fills: number;
    open_size: Decimal;
    falls: Fall[];
    months: [year: number, month: number, return_share: number, market_share: number | null][];
    costs: {
      volume_quote: Decimal;
      maker_volume_quote: Decimal;
      fees_quote: Decimal;
      maker_fees_quote: Decimal;
      taker_fees_quote: Decimal;
      rebates_quote: Decimal;
      gross_profit_quote: Decimal;
      net_profit_quote: Decimal;
      breakeven_fee_rate: number | null;
      fee_rate: number | null;
      tick_quote: Decimal;
      net_at_fees: [factor: number, profit: Decimal][];
      turnover_per_year: number | null;
      slippage: {
        delay_quote: Decimal;
        taking_quote: Decimal;
        resting_quote: Decimal;
        known_fills: number;
        taker_fills: number;
        maker_fills: number;
      };
    };
  };
  other_fees: Record<string, Decimal>;
  regimes: [up: number, down: number, sideways: number, wildest: number] | null;
  curve: Curve;
  candles: CandleColumns | null;
  marks: Marks;
  trips: TripRows;
  fills: FillRows;
  orders: { state: string; reason: string | null; orders: number }[];
  overfit: Overfit;
  variants: Variant[];
  params: Record<string, unknown>;
  settings: Record<string, unknown>;
  notes: [time_ns: number, text: string][];
  notes_left_out: number;
}

/** The same run under one queue model, or one order of a bar's extremes. */
export interface Variant {
  name: string;
  is_assumed: boolean;
  orders: number;
  fills: number;
  maker_fills: number;
  profit_quote: Decimal;
  fees_quote: Decimal;
  return_share: number | null;
  drawdown_share: number;
  failure: string | null;
}

/** One run of several legs; `steelyard.backtest.legsreport` writes it. */
export interface LegsReport {
  kind: "legs";
  schema: number;
  name: string;
  strategy: string;
  /** In which the whole is told. */
  asset: string;
  version: string;
  failure: string | null;
  verdict: Verdict;
  assumptions: [about: string, text: string][];
  warnings: Warned[];
  figures: Figure[];
  curve: { time_s: number[]; equity: number[]; drawdown: number[]; points: number };
  wallets: { venue: string; asset: string; first: Decimal; last: Decimal }[];
  legs: { name: string; venue: string; report: Report }[];
  variants: Variant[];
  notes: [time_ns: number, text: string][];
  notes_left_out: number;
}

/** One figure of two runs, the second less the first. */
export interface Pair extends Omit<Figure, "value" | "why"> {
  a: Value;
  b: Value;
  difference: Value;
}

export interface Comparison {
  kind: "comparison";
  schema: number;
  heads: [Head, Head];
  names: [string, string];
  verdicts: [Verdict, Verdict];
  summary: string;
  figures: Pair[];
  differences: { path: string; a: string | null; b: string | null }[];
  differences_left_out: number;
  curves: [ReturnCurve, ReturnCurve];
  warnings: { rule: string; is_serious: boolean; a: string | null; b: string | null }[];
  fills: {
    are_same: boolean;
    totals: [number, number];
    until_ns: number | null;
    common: number;
    differing: [number, number];
    rows: {
      run: number;
      time_ns: number;
      side: number;
      price: Decimal;
      size: Decimal;
      is_maker: number;
      fee: Decimal;
      fee_asset: string;
    }[];
    left_out: number;
  };
}

export interface ReturnCurve {
  time_s: number[];
  return_share: number[];
}
