import { beforeEach, describe, expect, it } from "vitest";

import { Book } from "../src/book";
import type { BookDelta, BookSnapshot, Level } from "../src/messages";

const SNAPSHOT: BookSnapshot = {
  channel: "book",
  type: "snapshot",
  symbol: "BTC-USDT",
  sequence: 10,
  bids: [
    ["99.99", "1"],
    ["99.98", "2"],
    ["99.90", "4"],
  ],
  asks: [
    ["100.01", "0.5"],
    ["100.02", "1.5"],
  ],
  time: 0,
};

function delta(first: number, last: number, bids: Level[], asks: Level[] = []): BookDelta {
  return {
    channel: "book",
    type: "delta",
    symbol: "BTC-USDT",
    first_sequence: first,
    last_sequence: last,
    bids,
    asks,
    time: 0,
  };
}

let book: Book;

beforeEach(() => {
  book = new Book({ tick_size: "0.01", lot_size: "0.00001" });
  book.apply(SNAPSHOT);
});

function bids(): string[] {
  return book.ladder(10).bids.map(({ price, size }) => `${price} ${size}`);
}

describe("sequence numbers", () => {
  it("continue from the snapshot, one delta after the other", () => {
    expect(book.apply(delta(11, 12, [["99.99", "3"]]))).toBe("applied");
    expect(book.apply(delta(13, 13, [["99.97", "1"]]))).toBe("applied");
    expect(book.sequence).toBe(13);
  });

  it("that were seen already change nothing", () => {
    expect(book.apply(delta(9, 10, [["99.99", "7"]]))).toBe("ignored");
    expect(bids()[0]).toBe("99.99 1.00000");
  });

  it("that begin before the snapshot and end after it are applied: sizes are absolute", () => {
    expect(book.apply(delta(9, 11, [["99.99", "7"]]))).toBe("applied");
  });

  it("that leave one out are a gap, until the next snapshot", () => {
    expect(book.apply(delta(12, 12, [["99.99", "7"]]))).toBe("gap");
    expect(book.synced).toBe(false);
    expect(book.apply(delta(13, 13, [["99.99", "8"]]))).toBe("ignored");
    expect(bids()[0]).toBe("99.99 1.00000");
    expect(book.apply({ ...SNAPSHOT, sequence: 20 })).toBe("applied");
    expect(book.apply(delta(21, 21, []))).toBe("applied");
  });

  it("before any snapshot are ignored", () => {
    const fresh = new Book({ tick_size: "0.01", lot_size: "1" });
    expect(fresh.apply(delta(1, 1, [["1", "1"]]))).toBe("ignored");
  });
});

describe("levels", () => {
  it("are set, inserted in order and removed by zero", () => {
    book.apply(
      delta(11, 13, [
        ["99.98", "0"],
        ["100.00", "9"],
        ["99.95", "6"],
      ]),
    );
    expect(bids()).toEqual(["100.00 9.00000", "99.99 1.00000", "99.95 6.00000", "99.90 4.00000"]);
  });

  it("survive the removal of one that is not there", () => {
    book.apply(delta(11, 11, [["99.00", "0"]]));
    expect(bids()).toHaveLength(3);
  });

  it("off the tick are refused", () => {
    expect(() => book.apply(delta(11, 11, [["99.985", "1"]]))).toThrow(RangeError);
  });

  it("equal a plain map after many random deltas", () => {
    const model = new Map(SNAPSHOT.bids.map(([price, size]) => [price, size]));
    let state = 7;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % below;
    };
    for (let sequence = 11; sequence < 3_000; sequence += 1) {
      const level: Level = [`99.${String(random(100)).padStart(2, "0")}`, String(random(4))];
      if (level[1] === "0") model.delete(level[0]);
      else model.set(level[0], level[1]);
      book.apply(delta(sequence, sequence, [level]));
    }
    const expected = [...model].sort(([a], [b]) => Number(b) - Number(a));
    const found = book.ladder(1_000).bids.map(({ price, size }) => [price, String(Number(size))]);
    expect(found).toEqual(expected);
  });
});

describe("the ladder", () => {
  it("sums from the touch and measures the spread exactly", () => {
    const { bids: side, spread, spreadBasisPoints } = book.ladder(10);
    expect(side.map(({ total }) => total)).toEqual(["1.00000", "3.00000", "7.00000"]);
    expect(spread).toBe("0.02");
    expect(spreadBasisPoints).toBeCloseTo(2);
  });

  it("gathers bids downwards and asks upwards", () => {
    const { bids: low, asks: high } = book.ladder(10, 10);
    expect(low.map(({ price, size }) => [price, size])).toEqual([["99.90", "7.00000"]]);
    expect(high.map(({ price, size }) => [price, size])).toEqual([["100.10", "2.00000"]]);
    expect(book.lineOf("99.98", "buy", 10)).toBe(9_990);
    expect(book.lineOf("100.01", "sell", 10)).toBe(10_010);
  });

  it("stops at its depth and has shares of at most one", () => {
    const { bids: side, bidShare } = book.ladder(2);
    expect(side).toHaveLength(2);
    expect(Math.max(...side.map(({ totalShare }) => totalShare))).toBe(1);
    expect(bidShare).toBeCloseTo(0.6);
  });

  it("of an empty book has no spread", () => {
    book.clear();
    expect(book.ladder(5)).toMatchObject({ bids: [], asks: [], spread: null, bidShare: 0.5 });
  });

  it("offers steps from the tick up to a thousandth of the price", () => {
    expect(book.steps("0.01")).toEqual([1]);
    book.apply({ ...SNAPSHOT, bids: [["61000.00", "1"]], asks: [] });
    expect(book.steps("0.01")).toEqual([1, 10, 100, 1_000]);
  });
});
