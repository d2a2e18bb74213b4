/**
 * The order book of one instrument, kept from a snapshot and numbered deltas.
 *
 * Invariant: while `synced`, the levels are the exchange's levels at `sequence`. A delta that does
 * not continue exactly there makes the book unsynced, and only a new snapshot mends it. Prices and
 * sizes are whole units of the instrument's decimals, so sums and comparisons are exact.
 *
 * It does not talk to anybody: whoever owns it asks for a new snapshot after a gap.
 */

import { decimalsOf, fromUnits, toUnits, type Decimal } from "./decimal";
import type { BookPush, Instrument, Level, Side } from "./messages";

/** A side keeps its best levels; farther ones are dropped, nobody looks that deep on a page. */
export const LEVELS_MAX = 10_000;

/** What became of a push: `gap` means that a new snapshot is needed. */
export type Applied = "applied" | "ignored" | "gap";

/** One line of the ladder; `total` is the size from the touch up to here. */
export interface Rung {
  /** Whole price units, the key of the line. */
  units: number;
  price: Decimal;
  size: Decimal;
  total: Decimal;
  /** Size and total as shares of the larger side's deepest total, for the bars. */
  sizeShare: number;
  totalShare: number;
}

export interface Ladder {
  /** Best first. */
  bids: readonly Rung[];
  asks: readonly Rung[];
  /** Best ask minus best bid; null where a side is empty. */
  spread: Decimal | null;
  /** The spread in hundredths of a percent of the mid, for show. */
  spreadBasisPoints: number | null;
  /** Share of bid size in what is shown, 0 to 1. */
  bidShare: number;
}

interface Row {
  units: number;
  size: number;
}

export class Book {
  readonly priceDecimals: number;
  readonly sizeDecimals: number;
  sequence = 0;
  synced = false;

  #bids: Row[] = [];
  #asks: Row[] = [];

  constructor(instrument: Pick<Instrument, "tick_size" | "lot_size">) {
    this.priceDecimals = decimalsOf(instrument.tick_size);
    this.sizeDecimals = decimalsOf(instrument.lot_size);
  }

  /** Take a snapshot or a delta in. */
  apply(push: BookPush): Applied {
    if (push.type === "snapshot") {
      this.#bids = this.#rows(push.bids, "buy");
      this.#asks = this.#rows(push.asks, "sell");
      this.sequence = push.sequence;
      this.synced = true;
      return "applied";
    }
    // A delta may still be on its way when a snapshot is asked for; it says nothing new.
    if (!this.synced || push.last_sequence <= this.sequence) return "ignored";
    if (push.first_sequence > this.sequence + 1) {
      this.synced = false;
      return "gap";
    }
    for (const level of push.bids) this.#set(this.#bids, "buy", level);
    for (const level of push.asks) this.#set(this.#asks, "sell", level);
    this.sequence = push.last_sequence;
    return "applied";
  }

  /** Forget everything, as after a lost connection. */
  clear(): void {
    this.#bids = [];
    this.#asks = [];
    this.synced = false;
  }

  get isEmpty(): boolean {
    return this.#bids.length === 0 && this.#asks.length === 0;
  }

  /**
   * The best `depth` lines of each side, each gathering `step` price units; bids are gathered
   * downwards and asks upwards, so that no line shows a better price than it has.
   */
  ladder(depth: number, step = 1): Ladder {
    const bids = gathered(this.#bids, depth, (units) => Math.floor(units / step) * step);
    const asks = gathered(this.#asks, depth, (units) => Math.ceil(units / step) * step);
    const bidTotal = sum(bids);
    const askTotal = sum(asks);
    const whole = Math.max(bidTotal, askTotal, 1);
    const [bid, ask] = [this.#bids[0], this.#asks[0]];
    const touch = bid !== undefined && ask !== undefined ? { bid, ask } : null;
    const spread = touch && touch.ask.units - touch.bid.units;
    return {
      bids: this.#rungs(bids, whole),
      asks: this.#rungs(asks, whole),
      spread: spread === null ? null : fromUnits(spread, this.priceDecimals),
      spreadBasisPoints:
        touch && spread !== null
          ? (spread / ((touch.ask.units + touch.bid.units) / 2)) * 10_000
          : null,
      bidShare: bidTotal + askTotal === 0 ? 0.5 : bidTotal / (bidTotal + askTotal),
    };
  }

  /** The price line that a resting order of that side shows up in. */
  lineOf(price: Decimal, side: Side, step: number): number {
    const units = toUnits(price, this.priceDecimals);
    return (side === "buy" ? Math.floor(units / step) : Math.ceil(units / step)) * step;
  }

  /** Steps to gather prices by, in units: the tick, then round numbers up to about 0.1 %. */
  steps(tickSize: Decimal): number[] {
    const tick = toUnits(tickSize, this.priceDecimals);
    const best = this.#bids[0]?.units ?? this.#asks[0]?.units ?? tick;
    const steps = [tick];
    for (let step = tick * 10; step <= best / 1_000 && steps.length < 5; step *= 10) {
      steps.push(step);
    }
    return steps;
  }

  #rows(levels: readonly Level[], side: Side): Row[] {
    const direction = side === "buy" ? -1 : 1;
    return levels
      .map((level) => this.#row(level))
      .filter((row) => row.size > 0)
      .sort((a, b) => (a.units - b.units) * direction)
      .slice(0, LEVELS_MAX);
  }

  #row([price, size]: Level): Row {
    return { units: toUnits(price, this.priceDecimals), size: toUnits(size, this.sizeDecimals) };
  }

  #set(rows: Row[], side: Side, level: Level): void {
    const row = this.#row(level);
    const direction = side === "buy" ? -1 : 1;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const units = rows[middle]?.units ?? 0;
      if ((units - row.units) * direction < 0) low = middle + 1;
      else high = middle;
    }
    const found = rows[low]?.units === row.units;
    if (row.size === 0) {
      if (found) rows.splice(low, 1);
    } else if (found) {
      rows[low] = row;
    } else {
      rows.splice(low, 0, row);
      if (rows.length > LEVELS_MAX) rows.pop();
    }
  }

  #rungs(rows: readonly Row[], whole: number): Rung[] {
    let total = 0;
    return rows.map(({ units, size }) => {
      total += size;
      return {
        units,
        price: fromUnits(units, this.priceDecimals),
        size: fromUnits(size, this.sizeDecimals),
        total: fromUnits(total, this.sizeDecimals),
        sizeShare: size / whole,
        totalShare: total / whole,
      };
    });
  }
}

function gathered(rows: readonly Row[], depth: number, line: (units: number) => number): Row[] {
  const lines: Row[] = [];
  for (const row of rows) {
    const units = line(row.units);
    const last = lines.at(-1);
    if (last?.units === units) last.size += row.size;
    else if (lines.length === depth) break;
    else lines.push({ units, size: row.size });
  }
  return lines;
}

function sum(rows: readonly Row[]): number {
  return rows.reduce((total, row) => total + row.size, 0);
}
