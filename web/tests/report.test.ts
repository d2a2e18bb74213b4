import { describe, expect, it } from "vitest";

import { strength, years } from "../src/report/heat";
import { pressed, sorted } from "../src/report/sorting";
import {
  amount,
  bound,
  day,
  decimalsFor,
  interval,
  lines,
  moment,
  percent,
  rate,
  tone,
  written,
} from "../src/report/words";

const SPACE = "\u00a0";

describe("amounts have as many decimals as they are worth", () => {
  it("keeps cents of what is large", () => {
    expect(amount("1234567.891")).toBe("1,234,567.89");
    expect(amount("3202.880000000001", true)).toBe("+3,202.88");
    expect(amount("-5.5", true)).toBe("−5.50");
    expect(amount("0")).toBe("0.00");
  });

  it("keeps the digits of what is small", () => {
    expect(amount("0.00012345678")).toBe("0.00012346");
    expect(amount("0.5")).toBe("0.50");
    expect(amount("1E-8")).toBe("0.00000001");
    expect(decimalsFor("0.0123")).toBe(4);
  });
});

describe("figures by their unit", () => {
  it("writes each", () => {
    expect(written("1000.5", "quote")).toBe("1,000.50");
    expect(written("0.00010", "base")).toBe("0.00010");
    expect(written(0.12345, "share")).toBe(`12.35${SPACE}%`);
    expect(written(0.00336, "rate")).toBe(`33.60${SPACE}bp`);
    expect(written(-1.005, "ratio")).toBe("−1.00");
    expect(written(12345, "count")).toBe("12,345");
    expect(written(30.5, "days")).toBe("30.5");
    expect(written(5_400_000_000_000, "time")).toBe("1 h 30 min");
    expect(written(null, "quote")).toBe("–");
  });

  it("gives a difference its sign", () => {
    expect(written("12.5", "quote", true)).toBe("+12.50");
    expect(written(0.01, "share", true)).toBe(`+1.00${SPACE}%`);
    expect(written(-60e9, "time", true)).toBe("−1 min");
    expect(written(60e9, "time", true)).toBe("+1 min");
    expect(written(0, "time", true)).toBe("0 s");
  });

  it("needs fewer decimals where a share is large, and has no minus zero", () => {
    expect(percent(1.23456)).toBe(`123.5${SPACE}%`);
    expect(percent(42.57)).toBe(`4,257${SPACE}%`);
    expect(percent(-0.000001)).toBe(`0.00${SPACE}%`);
    expect(rate(-0.00001)).toBe(`−0.10${SPACE}bp`);
  });

  it("is colored where one way is better", () => {
    expect(tone(5, 1)).toBe(1);
    expect(tone("-5.5", 1)).toBe(-1);
    expect(tone(5, -1)).toBe(-1);
    expect(tone(5, 0)).toBe(0);
    expect(tone(null, 1)).toBe(0);
  });
});

describe("times are UTC wherever the reader is", () => {
  it("spells them", () => {
    const time = Date.UTC(2025, 0, 31, 23, 59, 58) * 1e6;
    expect(moment(time)).toBe("2025-01-31 23:59:58");
    expect(day(time)).toBe("31 Jan 2025");
  });

  it("names intervals", () => {
    expect([1, 15, 60, 900, 5_400, 14_400, 86_400].map((s) => interval(s * 1e9))).toEqual([
      "1s",
      "15s",
      "1m",
      "15m",
      "90m",
      "4h",
      "1d",
    ]);
  });
});

describe("sentences and settings", () => {
  it("keeps a number with its unit", () => {
    expect(bound("after 150 days; 95.0 % of 3 parts")).toBe(
      `after 150${SPACE}days; 95.0${SPACE}% of 3 parts`,
    );
  });

  it("spells nested settings as paths", () => {
    expect(lines({ fees: { maker: "0.1", tiers: [1, 2] }, legs: [{ a: null }], on: true })).toEqual([
      ["fees.maker", "0.1"],
      ["fees.tiers", "1, 2"],
      ["legs.0.a", "none"],
      ["on", "true"],
    ]);
    expect(lines({})).toEqual([]);
  });
});

describe("tables", () => {
  const values = [3, 1, 2, 1];
  const key = (row: number): number => values[row] ?? 0;

  it("sorts, and keeps rows of equal keys in their order", () => {
    expect(sorted([0, 1, 2, 3], key, false)).toEqual([1, 3, 2, 0]);
    expect(sorted([0, 1, 2, 3], key, true)).toEqual([0, 2, 1, 3]);
  });

  it("turns a column around when it is pressed again", () => {
    const first = pressed({ column: "number", isDown: false }, "profit");
    expect(first).toEqual({ column: "profit", isDown: true });
    expect(pressed(first, "profit")).toEqual({ column: "profit", isDown: false });
  });
});

describe("months", () => {
  it("are years of twelve, and a year is its months one after the other", () => {
    const [first, second] = years([
      [2024, 12, 0.1, 0.2],
      [2025, 1, 0.5, 1],
      [2025, 3, -0.5, null],
    ]);
    expect(first?.cells.map((cell) => cell?.own ?? null)).toEqual([...Array(11).fill(null), 0.1]);
    expect(first?.market).toBeCloseTo(0.2);
    expect(second?.own).toBeCloseTo(-0.25);
    expect(second?.market).toBeNull();
    expect(second?.cells[2]).toEqual({ own: -0.5, market: null });
  });

  it("are colored by the largest one, and weak ones can still be told", () => {
    expect(strength(0, 1)).toBe(0);
    expect(strength(-0.5, 0.5)).toBe(1);
    expect(strength(0.0001, 1)).toBeGreaterThan(0.15);
    expect(strength(1, 0)).toBe(0);
  });
});
