import { describe, expect, it } from "vitest";

import type { Api } from "../src/api";
import { Candles } from "../src/candles";
import type { Candle, CandlePush } from "../src/messages";

function candle(minute: number, close = "1"): Candle {
  return {
    open_time: minute * 60_000,
    open: "1",
    high: "1",
    low: "1",
    close,
    volume: "0",
    quote_volume: "0",
    trades: 0,
    closed: true,
  };
}

function push(minute: number, close = "1"): CandlePush {
  return { channel: "candles", symbol: "BTC-USDT", interval: "1m", ...candle(minute, close) };
}

/** Candles over a history that answers when the test says so. */
function desk(history: Candle[]) {
  const heard: string[] = [];
  let answer: () => void = () => undefined;
  const api: Pick<Api, "candles"> = {
    candles: (_symbol, _interval, limit, end = Infinity) =>
      new Promise((resolve) => {
        const page = history.filter(({ open_time }) => open_time <= end).slice(-limit);
        answer = () => resolve(page);
      }),
  };
  const candles = new Candles(api as Api, "BTC-USDT", "1m", {
    replaced: (all, why) => heard.push(`${why} ${all.length}`),
    updated: ({ open_time, close }) => heard.push(`${open_time / 60_000} ${close}`),
  });
  return { candles, heard, answer: () => answer() };
}

function minutes(candles: Candles): number[] {
  return candles.all.map(({ open_time }) => open_time / 60_000);
}

describe("candles", () => {
  it("lay what came live before the history over it", async () => {
    const { candles, heard, answer } = desk([candle(1), candle(2)]);
    const loading = candles.load();
    candles.push(push(2, "2"));
    candles.push(push(3, "3"));
    answer();
    await loading;
    expect(candles.all.map(({ close }) => close)).toEqual(["1", "2", "3"]);
    expect(heard).toEqual(["loaded 3"]);
  });

  it("change the last, follow it, and correct the one before", async () => {
    const { candles, heard, answer } = desk([candle(1), candle(2)]);
    const loading = candles.load();
    answer();
    await loading;
    candles.push(push(2, "5"));
    candles.push(push(3, "6"));
    candles.push(push(2, "7"));
    expect(candles.all.map(({ close }) => close)).toEqual(["1", "7", "6"]);
    expect(heard).toEqual(["loaded 2", "2 5", "3 6", "2 7"]);
  });

  it("of another instrument or interval are not theirs", async () => {
    const { candles, heard, answer } = desk([candle(1)]);
    const loading = candles.load();
    answer();
    await loading;
    candles.push({ ...push(2), symbol: "ETH-USDT" });
    candles.push({ ...push(2), interval: "1s" });
    expect(heard).toEqual(["loaded 1"]);
  });

  it("get older ones in front, until there are none", async () => {
    const history = Array.from({ length: 1_500 }, (_, minute) => candle(minute));
    const { candles, heard, answer } = desk(history);
    const loading = candles.load();
    answer();
    await loading;
    for (let page = 0; page < 3; page += 1) {
      const more = candles.extend();
      answer();
      await more;
    }
    expect(minutes(candles)).toEqual(history.map((_, minute) => minute));
    expect(heard).toEqual(["loaded 1000", "extended 1500"]);
  });

  it("that come after closing are void", async () => {
    const { candles, heard, answer } = desk([candle(1)]);
    const loading = candles.load();
    candles.close();
    answer();
    await loading;
    expect(heard).toEqual([]);
  });
});
