import { describe, expect, it } from "vitest";

import {
  absolute,
  add,
  compact,
  compare,
  decimalsOf,
  fromUnits,
  multiply,
  negate,
  ratio,
  round,
  shown,
  sign,
  signed,
  toUnits,
  trimmed,
} from "../src/decimal";

describe("arithmetic is exact where binary numbers are not", () => {
  it("adds", () => {
    expect(add("0.1", "0.2")).toBe("0.3");
    expect(add("-1.50", "0.5")).toBe("-1.00");
    expect(add("9007199254740993", "0.000000000001")).toBe("9007199254740993.000000000001");
  });

  it("multiplies", () => {
    expect(multiply("61000.10", "0.00001")).toBe("0.6100010");
    expect(multiply("-1.1", "1.1")).toBe("-1.21");
  });

  it("negates and takes the sign", () => {
    expect(negate("0.05")).toBe("-0.05");
    expect(absolute("-0.05")).toBe("0.05");
    expect([sign("-0.00"), sign("0.00"), sign("1e-8")]).toEqual([0, 0, 1]);
  });

  it("compares by value, not by text", () => {
    expect(compare("1.0", "1.00")).toBe(0);
    expect(compare("9", "10")).toBe(-1);
    expect(compare("-9", "-10")).toBe(1);
  });
});

describe("units", () => {
  it.each([
    ["61000.10", 2, 6_100_010],
    ["0", 5, 0],
    ["0.00001", 5, 1],
    ["12.500", 1, 125],
    ["1E-8", 8, 1],
  ])("%s at %i decimals is %i, and back", (text, decimals, units) => {
    expect(toUnits(text, decimals)).toBe(units);
    expect(compare(fromUnits(units, decimals), text)).toBe(0);
  });

  it("refuses what is finer than a unit, too large, or no number", () => {
    expect(() => toUnits("0.001", 2)).toThrow(RangeError);
    expect(() => toUnits("1e30", 2)).toThrow(RangeError);
    for (const text of ["", "1,0", "NaN", "0x10", "1.", "--1", "1e9999"]) {
      expect(() => toUnits(text, 2)).toThrow(RangeError);
    }
  });

  it("counts the decimals of a step", () => {
    expect(["0.01", "5", "0.00001000", "1E-5", "100"].map(decimalsOf)).toEqual([2, 0, 5, 5, 0]);
  });
});

describe("what people read", () => {
  it("rounds halves away from zero, at the digit", () => {
    expect(round("1.005", 2)).toBe("1.01");
    expect(round("-1.005", 2)).toBe("-1.01");
    expect(round("0.004999", 2)).toBe("0.00");
    expect(round("7", 2)).toBe("7.00");
  });

  it("groups thousands before the point only", () => {
    expect(shown("1234567.891234")).toBe("1,234,567.891234");
    expect(shown("999", 2)).toBe("999.00");
    expect(shown("-61000.1", 2)).toBe("−61,000.10");
  });

  it("shows no minus on a zero, and signs gains", () => {
    expect(shown("-0.004", 2)).toBe("0.00");
    expect(signed("0.004", 2)).toBe("0.00");
    expect(signed("12.3", 2)).toBe("+12.30");
    expect(signed("-12.3", 2)).toBe("−12.30");
  });

  it("shows a dash for nothing and leaves what it cannot read", () => {
    expect(shown(null)).toBe("–");
    expect(shown("n/a", 2)).toBe("n/a");
  });

  it("shortens large volumes", () => {
    expect(["12.3", "1234.5", "853430000", "1e9"].map(compact)).toEqual([
      "12.30",
      "1.23K",
      "853.43M",
      "1.00B",
    ]);
  });

  it("drops zeros at the end", () => {
    expect(["0.0100", "10", "1.000"].map(trimmed)).toEqual(["0.01", "10", "1"]);
  });

  it("draws nothing where the limit is zero", () => {
    expect(ratio("1", "0")).toBe(0);
    expect(ratio("1", "4")).toBe(0.25);
  });
});
