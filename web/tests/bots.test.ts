import { describe, expect, it } from "vitest";

import { hashOfBot, routeOf } from "../src/account/route";
import { boundText, percent, points, quantile, timeTyped, useOf, utcMoment } from "../src/bots/words";

describe("the address of a bot", () => {
  it("is read as it is written", () => {
    for (const name of ["dip", "a/b", "ü", "now"]) {
      for (const part of ["now", "risk", "journal", "metrics"] as const) {
        expect(routeOf(hashOfBot(name, part))).toEqual({ place: "bots", name, part });
      }
    }
    expect(routeOf(hashOfBot())).toEqual({ place: "bots", name: null, part: "now" });
  });

  it("falls back to what there is", () => {
    expect(routeOf("#/bots/dip/weather")).toEqual({ place: "bots", name: "dip", part: "now" });
    expect(routeOf("#/bots/dip/risk/more").place).toBe("desk");
  });
});

describe("the use of a limit", () => {
  it("is near from three quarters on and full from all of it on, by exact numbers", () => {
    expect(useOf("2", "4")).toEqual({ share: 0.5, word: "" });
    expect(useOf("3", "4")).toEqual({ share: 0.75, word: "near" });
    expect(useOf("-0.3", "0.3").word).toBe("full");
    expect(useOf("5", "4")).toEqual({ share: 1, word: "full" });
  });

  it("is nothing where nothing is known, used or allowed", () => {
    expect(useOf(null, "4").word).toBe("");
    expect(useOf("4", null).word).toBe("");
    expect(useOf("0", "0")).toEqual({ share: 0, word: "" });
    expect(useOf("1", "0")).toEqual({ share: 1, word: "full" });
  });
});

describe("a share", () => {
  it("is percent or points, and nothing is no number", () => {
    expect(percent("0.0123")).toBe("1.23 %");
    expect(percent("-0.5", 1)).toBe("−50.0 %");
    expect(percent("-0.000001")).toBe("0.00 %");
    expect(percent(null)).toBe("–");
    expect(points("0.000123")).toBe("1.23 bp");
    expect(points(null)).toBe("–");
  });
});

describe("a latency", () => {
  const bounds = [1, 10, 60_000];

  it("is the bound of the bucket in which that part of all is", () => {
    expect(boundText(quantile([5, 4, 1, 0], bounds, 0.5))).toBe("≤ 1 ms");
    expect(boundText(quantile([5, 4, 1, 0], bounds, 0.9))).toBe("≤ 10 ms");
    expect(boundText(quantile([5, 4, 1, 0], bounds, 0.99))).toBe("≤ 60 s");
  });

  it("has no bound beyond the last bucket, and none of nothing", () => {
    expect(boundText(quantile([0, 0, 0, 2], bounds, 0.5))).toBe("> 60 s");
    expect(boundText(quantile([0, 0, 0, 0], bounds, 0.5))).toBe("–");
  });
});

describe("a moment that is typed", () => {
  it("is UTC, with or without its mark and its parts", () => {
    const time = Date.UTC(2026, 10, 22, 10, 30, 0, 250);
    expect(timeTyped("2026-11-22T10:30:00.250Z")).toBe(time);
    expect(timeTyped(" 2026-11-22 10:30:00.25 ")).toBe(time);
    expect(timeTyped("2026-11-22T10:30")).toBe(time - 250);
    expect(timeTyped("2026-11-22")).toBe(Date.UTC(2026, 10, 22));
  });

  it("is none where it is something else", () => {
    for (const text of ["", "soon", "10:30", "2026-13-01", "2026-11-22T10:30+01:00"]) {
      expect(timeTyped(text)).toBeNull();
    }
  });

  it("is shown with its day where that is another", () => {
    const now = Date.UTC(2026, 10, 22, 12);
    expect(utcMoment(now - 3_600_000, now)).toBe("11:00:00");
    expect(utcMoment(now - 86_400_000, now)).toBe("2026-11-21 12:00:00");
  });
});
