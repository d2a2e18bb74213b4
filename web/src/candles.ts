/**
 * The candles of one instrument and interval: history by request, then live, without a hole.
 *
 * Candles are ordered by open time and each time occurs once. Live candles that come before the
 * history has arrived are kept and laid over it. At most `CANDLES_MAX` are held; the oldest leave.
 */

import type { Api } from "./api";
import type { Candle, CandlePush, Interval } from "./messages";

export const CANDLES_MAX = 8_000;
const PAGE = 1_000;

export interface CandleListener {
  /** Everything is new: another interval, a reconnect, older candles in front. */
  replaced: (candles: readonly Candle[], why: "loaded" | "extended") => void;
  /** The last candle changed, or a new one follows it. */
  updated: (candle: Candle) => void;
}

export class Candles {
  #all: Candle[] = [];
  #early: Candle[] = [];
  #loading = false;
  #complete = false;
  // Each load makes the answers of earlier ones void.
  #generation = 0;

  constructor(
    private readonly api: Api,
    readonly symbol: string,
    readonly interval: Interval,
    private readonly listener: CandleListener,
  ) {}

  get all(): readonly Candle[] {
    return this.#all;
  }

  /** Ask for the newest page; also after a reconnect. Throws what the Api throws. */
  async load(): Promise<void> {
    const generation = ++this.#generation;
    this.#loading = true;
    this.#early = [];
    this.#complete = false;
    try {
      const page = await this.api.candles(this.symbol, this.interval, PAGE);
      if (generation !== this.#generation) return;
      this.#all = page;
      for (const candle of this.#early) this.#merge(candle);
      this.listener.replaced(this.#all, "loaded");
    } finally {
      if (generation === this.#generation) this.#loading = false;
    }
  }

  /** Put an older page in front, where there is one. Throws what the Api throws. */
  async extend(): Promise<void> {
    const first = this.#all[0];
    if (first === undefined || this.#loading || this.#complete) return;
    if (this.#all.length + PAGE > CANDLES_MAX) return;
    const generation = this.#generation;
    this.#loading = true;
    try {
      const page = await this.api.candles(this.symbol, this.interval, PAGE, first.open_time - 1);
      if (generation !== this.#generation) return;
      const older = page.filter((candle) => candle.open_time < first.open_time);
      this.#complete = older.length === 0;
      if (this.#complete) return;
      this.#all = [...older, ...this.#all];
      this.listener.replaced(this.#all, "extended");
    } finally {
      if (generation === this.#generation) this.#loading = false;
    }
  }

  /** Take a live candle in. */
  push(push: CandlePush): void {
    if (push.symbol !== this.symbol || push.interval !== this.interval) return;
    if (this.#all.length === 0 || this.#loading) {
      this.#early = [...this.#early, push].slice(-PAGE);
      if (this.#all.length === 0) return;
    }
    if (this.#merge(push)) this.listener.updated(push);
    if (this.#all.length > CANDLES_MAX) {
      this.#all = this.#all.slice(-CANDLES_MAX / 2);
      this.listener.replaced(this.#all, "extended");
    }
  }

  /** Void whatever is still on its way. */
  close(): void {
    this.#generation += 1;
  }

  /** True where the candle is the newest or follows it; an older one is only remembered. */
  #merge(candle: Candle): boolean {
    const last = this.#all.at(-1);
    if (last === undefined || candle.open_time > last.open_time) {
      this.#all.push(candle);
      return true;
    }
    for (let at = this.#all.length - 1; at >= 0; at -= 1) {
      if (this.#all[at]?.open_time === candle.open_time) {
        this.#all[at] = candle;
        return true;
      }
      if ((this.#all[at]?.open_time ?? 0) < candle.open_time) break;
    }
    return false;
  }
}
