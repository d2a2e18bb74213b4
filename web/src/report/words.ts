/** How a report writes values: figures by their unit, settings as paths, moments in UTC. */

import { decimalsOf, shown, signed, type Decimal } from "../decimal";
import { duration } from "../time";
import type { Unit, Value } from "./document";

const DIGITS = 6;
const DECIMALS_MIN = 2;
const DECIMALS_MAX = 8;
const NOTHING = "–";
const BP = 10_000;
const SPACE = "\u00a0"; // between a number and its unit, where no line ends

/** A sentence whose numbers stay with their units. */
export function bound(text: string): string {
  return text.replaceAll(/(?<=\d) (?=%|bp\b|days?\b|h\b|min\b|s\b)/g, SPACE);
}

/** Decimals that leave an amount about six digits: 2 for "1234.5", 5 for "0.0123". */
export function decimalsFor(text: Decimal): number {
  const size = Math.abs(Number(text));
  if (!(size > 0)) return DECIMALS_MIN;
  const wanted = DIGITS - 1 - Math.floor(Math.log10(size));
  return Math.max(DECIMALS_MIN, Math.min(DECIMALS_MAX, wanted, decimalsOf(text)));
}

/** An amount for people: as many decimals as it is worth. */
export function amount(text: Decimal, hasSign = false): string {
  const decimals = Math.max(DECIMALS_MIN, Math.min(decimalsFor(text), tooMany(text)));
  return (hasSign ? signed : shown)(text, decimals);
}

/** From a thousand on, cents are enough. */
function tooMany(text: Decimal): number {
  return Math.abs(Number(text)) >= 1 ? DECIMALS_MIN : DECIMALS_MAX;
}

/** "12.35 %"; fewer decimals where it is large. */
export function percent(share: number, hasSign = false): string {
  const value = share * 100;
  const decimals = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return `${number(value, decimals, hasSign)}${SPACE}%`;
}

/** "33.6 bp" */
export function rate(value: number, hasSign = false): string {
  return `${number(value * BP, 2, hasSign)}${SPACE}bp`;
}

/** A binary number with so many decimals; minus zero is zero. */
export function number(value: number, decimals: number, hasSign = false): string {
  return (hasSign ? signed : shown)(value.toFixed(decimals));
}

/** A figure by its unit; a difference has its sign. */
export function written(value: Value, unit: Unit, hasSign = false): string {
  if (value === null) return NOTHING;
  switch (unit) {
    case "quote":
      return amount(String(value), hasSign);
    case "base":
      return (hasSign ? signed : shown)(String(value));
    case "share":
      return percent(Number(value), hasSign);
    case "rate":
      return rate(Number(value), hasSign);
    case "ratio":
      return number(Number(value), 2, hasSign);
    case "count":
      return number(Number(value), 0, hasSign);
    case "days":
      return number(Number(value), 1, hasSign);
    case "time": {
      const text = duration(Math.abs(Number(value)) / 1e6);
      const sign = Number(value) < 0 ? "−" : hasSign && Number(value) > 0 ? "+" : "";
      return sign + text;
    }
  }
}

/** -1, 0, 1: whether a value is a loss or a gain, for its color; 0 where neither way is better. */
export function tone(value: Value, better: number): -1 | 0 | 1 {
  const size = Number(value ?? 0) * better;
  return size > 0 ? 1 : size < 0 ? -1 : 0;
}

/** "2025-01-31 14:03:22" in UTC */
export function moment(time_ns: number): string {
  return new Date(time_ns / 1e6).toISOString().slice(0, 19).replace("T", " ");
}

/** "31 Jan 2025" in UTC */
export function day(time_ns: number): string {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  }).format(time_ns / 1e6);
}

/** "1m", "15m", "4h", "1d": an interval of candles. */
export function interval(ns: number): string {
  const seconds = ns / 1e9;
  for (const [size, letter] of [
    [86_400, "d"],
    [3_600, "h"],
    [60, "m"],
  ] as const) {
    if (seconds % size === 0) return `${seconds / size}${letter}`;
  }
  return `${seconds}s`;
}

/** Nested settings as lines: {"fees": {"maker": "0.1"}} becomes ["fees.maker", "0.1"]. */
export function lines(value: unknown, path = ""): [path: string, text: string][] {
  const below = (name: string): string => (path === "" ? name : `${path}.${name}`);
  if (Array.isArray(value)) {
    if (value.every((each) => typeof each !== "object" || each === null)) {
      return [[path, value.map(String).join(", ")]];
    }
    return value.flatMap((each, index) => lines(each, below(String(index))));
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, each]) => lines(each, below(name)));
  }
  return [[path, value === null ? "none" : String(value)]];
}
