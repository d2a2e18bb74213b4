import { describe, expect, it } from "vitest";

import { BLANK, callOf, count, details, GROUPS, kindOf, Mistyped, whom, type Fault } from "../src/faults";

const FAULT: Fault = {
  number: 3,
  fault: "refused",
  dialect: "binance",
  where: null,
  account: "alice",
  chance_e6: 200_000,
  after: 2,
  times: null,
  met: 5,
  struck: 1,
  over: false,
  status: 429,
  retry_after_ms: 1_500,
};

describe("a draft", () => {
  it("sends what belongs to its kind, and nothing else", () => {
    expect(callOf({ ...BLANK, trouble: "lost-answer", where: " POST /api/v3/order " })).toEqual({
      type: "SetFault",
      fault: {
        trouble: "lost-answer",
        dialect: "",
        where: "POST /api/v3/order",
        account: "",
        chance_e6: 1_000_000,
        after: 0,
        times: 1,
      },
    });
    expect(callOf({ ...BLANK, trouble: "clock-skew", dialect: "kraken", skew: "-2h" })).toEqual({
      type: "SetFault",
      fault: { trouble: "clock-skew", dialect: "kraken", skew_ns: -7_200_000_000_000 },
    });
  });

  it("reads times, spans and parts", () => {
    const { fault } = callOf({ ...BLANK, trouble: "partial-fills", delay: "200ms..2s" }) as {
      fault: Record<string, unknown>;
    };
    expect(fault["parts_e6"]).toEqual([500_000, 300_000, 200_000]);
    expect([fault["delay_min_ns"], fault["delay_max_ns"]]).toEqual([200_000_000, 2_000_000_000]);
  });

  it.each([
    ["slow-answer", { delay: "soon" }, "delay"],
    ["refused", { status: "many" }, "status"],
    ["refused", { retry: "" }, "retry"],
    ["partial-fills", { parts: "half" }, "parts"],
    ["partial-fills", { parts: "" }, "parts"],
    ["clock-skew", { skew: "--3s" }, "skew"],
    ["lost-answer", { chance: "" }, "chance"],
    ["lost-answer", { times: "-1" }, "times"],
  ])("of %s says where %o is mistyped", (trouble, typed, field) => {
    try {
      callOf({ ...BLANK, trouble, ...typed });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(Mistyped);
      expect((error as Mistyped).field).toBe(field);
    }
  });

  it("knows every kind by its name", () => {
    for (const { name } of GROUPS.flatMap(({ kinds }) => kinds)) expect(kindOf(name).name).toBe(name);
    expect(() => kindOf("sunshine")).toThrow();
  });
});

describe("a fault in force", () => {
  it("says whom it befalls and what is its own", () => {
    expect(whom(FAULT)).toBe("binance · alice");
    expect(whom({ ...FAULT, dialect: null, account: null })).toBe("anybody, anywhere");
    expect(details(FAULT)).toBe("429, again in 1.5 s, 20 %, after 2");
    const script: Fault = { ...FAULT, chance_e6: 1_000_000, after: 0, parts_e6: [500_000, 300_000] };
    delete script.status;
    delete script.retry_after_ms;
    expect(details({ ...script, delay_ms: [200, 2_000] })).toBe("0.5 / 0.3, 200 ms to 2 s");
  });

  it("says how often it has struck", () => {
    expect(count(FAULT)).toBe("1 struck, 5 met");
    expect(count({ ...FAULT, times: 3 })).toBe("1 of 3 struck, 5 met");
    expect(count({ ...FAULT, skew_ms: -3_000 })).toBe("in force");
  });
});
