/** How the bots' pages word and reckon what they show. */

import { absolute, compare, drawn, multiply, trimmed, type Decimal } from "../decimal";
import type { BotSummary, Standing } from "./messages";

export type Tone = "good" | "warn" | "bad" | "plain";

/** How a bot stands, in a word, with how good that is and a mark that is no color. */
export function standing(bot: BotSummary): { word: string; tone: Tone; mark: string } {
  if (bot.killed || bot.status === "killed") return { word: "killed", tone: "bad", mark: "■" };
  const found: Record<Standing, { tone: Tone; mark: string }> = {
    running: { tone: "good", mark: "●" },
    gated: { tone: "warn", mark: "▲" },
    starting: { tone: "plain", mark: "◌" },
    stopping: { tone: "plain", mark: "◌" },
    killed: { tone: "bad", mark: "■" },
    stopped: { tone: "plain", mark: "○" },
    gone: { tone: "bad", mark: "✕" },
    silent: { tone: "warn", mark: "?" },
  };
  return { word: bot.status, ...(found[bot.status] ?? { tone: "plain", mark: "○" }) };
}

/** Whether nothing is to be heard of a bot: it does not run, or hangs since before this page. */
export function isMute(bot: { state: object | null } | null, { status }: BotSummary): boolean {
  return bot === null || (bot.state === null && status === "silent");
}

/** From how much of a limit on it is called near. */
export const NEAR = 0.75;

export interface Use {
  share: number;
  /** "near", "full" or "": what a color alone must not say. */
  word: "" | "near" | "full";
}

/** How much of a limit is used; of one that is off or not known, nothing. */
export function useOf(used: Decimal | null, limit: Decimal | null): Use {
  if (used === null || limit === null) return { share: 0, word: "" };
  const size = absolute(used);
  const share = drawn(limit) === 0 ? (drawn(size) > 0 ? 1 : 0) : drawn(size) / drawn(limit);
  const word = compare(size, limit) >= 0 ? "full" : share >= NEAR ? "near" : "";
  return { share: Math.min(1, Math.max(0, share)), word: drawn(size) === 0 ? "" : word };
}

/** A share such as "0.0123" as percent: "1.23 %". Digits below a ten-thousandth are cut. */
export function percent(share: Decimal | null, digits = 2): string {
  if (share === null) return "–";
  const value = drawn(multiply(share, "100"));
  const text = value.toFixed(digits).replace("-", "−");
  return `${/[1-9]/.test(text) ? text : text.replace("−", "")} %`;
}

/** A share in hundredths of a percent, as traders count slippage: "1.2 bp". */
export function points(share: Decimal | null): string {
  if (share === null) return "–";
  const text = drawn(multiply(share, "10000")).toFixed(2).replace("-", "−");
  return `${/[1-9]/.test(text) ? text : text.replace("−", "")} bp`;
}

/** The bound in ms below which a part of all times are; null: there were none, or it has none. */
export function quantile(
  counts: readonly number[],
  bounds_ms: readonly number[],
  part: number,
): { bound: number | null; isBeyond: boolean } | null {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let seen = 0;
  for (const [at, count] of counts.entries()) {
    seen += count;
    if (seen >= all * part) {
      const bound = bounds_ms[at];
      return bound === undefined
        ? { bound: bounds_ms.at(-1) ?? null, isBeyond: true }
        : { bound, isBeyond: false };
    }
  }
  return null;
}

/** A time in us: "1.2 s", "70 ms", "4.3 ms"; null: there was none. */
export function spent(time_us: number | null): string {
  if (time_us === null) return "–";
  const ms = time_us / 1_000;
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** "≤ 5 ms", "> 60 s" */
export function boundText(found: { bound: number | null; isBeyond: boolean } | null): string {
  if (found === null || found.bound === null) return "–";
  const { bound, isBeyond } = found;
  const text = bound >= 1_000 ? `${bound / 1_000} s` : `${bound} ms`;
  return `${isBeyond ? ">" : "≤"} ${text}`;
}

/** A time as the command line writes it, in UTC to the millisecond: what `--at` takes. */
export function utc(time: number): string {
  return new Date(time).toISOString();
}

/** "2026-11-22 10:35:07" of a day that is not today, "10:35:07" of today; in UTC. */
export function utcMoment(time: number, now: number): string {
  const text = utc(time);
  const isToday = text.slice(0, 10) === utc(now).slice(0, 10);
  return isToday ? text.slice(11, 19) : `${text.slice(0, 10)} ${text.slice(11, 19)}`;
}

/** A time that somebody typed, as milliseconds; null where it is none. Without a zone it is UTC. */
export function timeTyped(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?))?Z?$/.exec(
    text.trim(),
  );
  if (match === null) return null;
  const [, day = "", clock = "00:00"] = match;
  const time = Date.parse(`${day}T${clock.length === 5 ? `${clock}:00` : clock}Z`);
  return Number.isNaN(time) ? null : time;
}

/** "0.0500" as "0.05"; what is no number as it came. */
export function plain(text: string): string {
  try {
    return trimmed(text);
  } catch {
    return text;
  }
}
