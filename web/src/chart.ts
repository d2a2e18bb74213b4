/**
 * The candle chart: lightweight-charts, told what to draw in this page's words.
 *
 * Numbers are binary here and nowhere else; what the legend prints comes from the candles' own
 * strings. The library knows only UTC, so times are shifted by the viewer's offset at the time
 * the chart was made: one offset for all bars keeps them in order when the clocks change.
 */

import {
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  HistogramSeries,
  LineStyle,
  TickMarkType,
  type AutoscaleInfo,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";

import { drawn, shown, type Decimal } from "./decimal";
import { INTERVAL_MS, type BotFill, type Candle, type Interval, type Side } from "./messages";
import { palette } from "./palette";

/** A horizontal line: one of the bot's orders, or its average entry. */
export interface Line {
  key: string;
  price: Decimal;
  title: string;
  kind: Side | "entry";
}

export interface ChartEvents {
  /** The open time under the pointer, or null. */
  hovered: (openTime: number | null) => void;
  /** The oldest candles are about to come into view. */
  nearStart: () => void;
  /** Whether the newest candle is out of view. */
  behind: (isBehind: boolean) => void;
}

const NEAR_BARS = 40;
const BEHIND_BARS = 3;
const ROOM_BARS = 5;
const ROOM_FOR_NAMES_BARS = 13;
// Where the chart is narrower, a line's name would cover the candles; its price stays.
const NAMED_PX = 480;
// Lines this close to the visible candles, in shares of their range, are brought into view.
const REACH = 0.5;

export class PriceChart {
  readonly #chart: IChartApi;
  readonly #candles: ISeriesApi<"Candlestick">;
  readonly #volume: ISeriesApi<"Histogram">;
  readonly #markers: ISeriesMarkersPluginApi<Time>;
  readonly #shift_s = -new Date().getTimezoneOffset() * 60;
  readonly #lines = new Map<string, { line: IPriceLine; look: string }>();
  #linePrices: number[] = [];
  #colors = palette();
  #decimals = 2;
  #room = ROOM_BARS;
  #last: UTCTimestamp | null = null;
  #first_ms = Infinity;

  constructor(
    private readonly host: HTMLElement,
    events: ChartEvents,
  ) {
    this.#chart = createChart(host, {
      autoSize: true,
      layout: { attributionLogo: true, fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.2 } },
      timeScale: {
        borderVisible: false,
        timeVisible: true,
        rightOffset: ROOM_BARS,
        barSpacing: 7,
        minBarSpacing: 1.5,
        tickMarkFormatter: (time: Time, type: TickMarkType) => this.#tick(time, type),
      },
      localization: {
        priceFormatter: (price: number) => shown(price.toFixed(this.#decimals)),
        timeFormatter: (time: Time) => this.#spelled(time),
      },
    });
    this.#volume = this.#chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.#candles = this.#chart.addSeries(CandlestickSeries, {
      borderVisible: false,
      priceLineStyle: LineStyle.Dotted,
      autoscaleInfoProvider: (original: () => AutoscaleInfo | null) => this.#withLines(original()),
    });
    this.#markers = createSeriesMarkers(this.#candles, [], { autoScale: true });
    this.repaint();
    // A canvas does not draw itself again when its font arrives.
    void document.fonts.load(`11px ${this.#colors.mono}`).then(() => {
      this.#chart.applyOptions({ layout: { fontFamily: this.#colors.mono } });
    });

    this.#chart.subscribeCrosshairMove(({ time }) => {
      events.hovered(time === undefined ? null : this.#ms(time));
    });
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range === null) return;
      if (range.from < NEAR_BARS) events.nearStart();
      events.behind(this.#chart.timeScale().scrollPosition() < -BEHIND_BARS);
    });
  }

  /** Draw all candles; `extended` keeps the view where it is. */
  replace(
    candles: readonly Candle[],
    interval: Interval,
    decimals: number,
    why: "loaded" | "extended",
  ): void {
    this.#decimals = decimals;
    this.#candles.applyOptions({
      priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals },
    });
    this.#chart.timeScale().applyOptions({
      secondsVisible: INTERVAL_MS[interval] < 60_000,
    });
    this.#first_ms = candles[0]?.open_time ?? Infinity;
    const last = candles.at(-1);
    this.#last = last === undefined ? null : this.#at(last.open_time);
    this.#candles.setData(candles.map((candle) => this.#bar(candle)));
    this.#volume.setData(candles.map((candle) => this.#column(candle)));
    if (why === "loaded") {
      this.#candles.priceScale().applyOptions({ autoScale: true });
      this.#chart.timeScale().applyOptions({ barSpacing: 7 });
      this.#chart.timeScale().scrollToPosition(this.#room, false);
    }
  }

  /** Draw one candle that is new or has changed. */
  update(candle: Candle): void {
    const time = this.#at(candle.open_time);
    const isOlder = this.#last !== null && time < this.#last;
    this.#candles.update(this.#bar(candle), isOlder);
    this.#volume.update(this.#column(candle), isOlder);
    if (!isOlder) this.#last = time;
  }

  /** Mark the bot's fills, one mark per candle and side. */
  mark(fills: readonly BotFill[], interval: Interval): void {
    const step = INTERVAL_MS[interval];
    const marks = new Map<string, SeriesMarker<Time>>();
    for (const { side, time } of fills) {
      const open = Math.floor(time / step) * step;
      if (open < this.#first_ms) continue;
      marks.set(`${open} ${side}`, {
        time: this.#at(open),
        position: side === "buy" ? "belowBar" : "aboveBar",
        shape: side === "buy" ? "arrowUp" : "arrowDown",
        color: side === "buy" ? this.#colors.buy : this.#colors.sell,
        size: 1.4,
      });
    }
    const ordered = [...marks.values()].sort((a, b) => Number(a.time) - Number(b.time));
    this.#markers.setMarkers(ordered);
  }

  /** Draw these lines and no others. */
  rule(lines: readonly Line[]): void {
    const kept = new Set(lines.map(({ key }) => key));
    for (const [key, { line }] of this.#lines) {
      if (kept.has(key)) continue;
      this.#candles.removePriceLine(line);
      this.#lines.delete(key);
    }
    this.#linePrices = lines.map(({ price }) => drawn(price));
    this.#makeRoom(lines.length > 0 && this.host.clientWidth >= NAMED_PX);
    for (const line of lines) this.#rule(line);
  }

  /** Take the colors of the theme that is on now. */
  repaint(): void {
    const colors = (this.#colors = palette());
    this.#chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: colors.panel },
        textColor: colors.muted,
        fontFamily: colors.mono,
        panes: { separatorColor: colors.line },
      },
      grid: { vertLines: { color: colors.grid }, horzLines: { color: colors.grid } },
      crosshair: {
        vertLine: { color: colors.faint, labelBackgroundColor: colors.edge },
        horzLine: { color: colors.faint, labelBackgroundColor: colors.edge },
      },
    });
    this.#candles.applyOptions({
      upColor: colors.up,
      downColor: colors.down,
      wickUpColor: colors.up,
      wickDownColor: colors.down,
    });
    for (const { line } of this.#lines.values()) this.#candles.removePriceLine(line);
    this.#lines.clear();
  }

  scrollToEnd(): void {
    this.#chart.timeScale().scrollToRealTime();
  }

  remove(): void {
    this.#chart.remove();
    this.host.replaceChildren();
  }

  /** Leave space at the right where the names of lines stand, and none where none do. */
  #makeRoom(forNames: boolean): void {
    const bars = forNames ? ROOM_FOR_NAMES_BARS : ROOM_BARS;
    if (bars === this.#room) return;
    const scale = this.#chart.timeScale();
    const isAtEnd = scale.scrollPosition() >= -BEHIND_BARS;
    this.#room = bars;
    scale.applyOptions({ rightOffset: bars });
    if (isAtEnd) scale.scrollToPosition(bars, false);
  }

  #rule({ key, price, title, kind }: Line): void {
    const color = kind === "entry" ? this.#colors.own : this.#colors[kind];
    const name = this.host.clientWidth < NAMED_PX ? "" : title;
    const look = `${price} ${name} ${color}`;
    const known = this.#lines.get(key);
    if (known?.look === look) return;
    const options = {
      price: drawn(price),
      color,
      title: name,
      lineWidth: 1 as const,
      lineStyle: kind === "entry" ? LineStyle.Solid : LineStyle.Dashed,
      lineVisible: true,
      axisLabelVisible: true,
      axisLabelColor: color,
      axisLabelTextColor: this.#colors.panel,
    };
    known?.line.applyOptions(options);
    this.#lines.set(key, { line: known?.line ?? this.#candles.createPriceLine(options), look });
  }

  #withLines(info: AutoscaleInfo | null): AutoscaleInfo | null {
    const range = info?.priceRange;
    if (info === null || range === null || range === undefined) return info;
    const reach = (range.maxValue - range.minValue) * REACH;
    const near = this.#linePrices.filter(
      (price) => price > range.minValue - reach && price < range.maxValue + reach,
    );
    return {
      ...info,
      priceRange: {
        minValue: Math.min(range.minValue, ...near),
        maxValue: Math.max(range.maxValue, ...near),
      },
    };
  }

  #bar({ open_time, open, high, low, close }: Candle): {
    time: UTCTimestamp;
    open: number;
    high: number;
    low: number;
    close: number;
  } {
    return {
      time: this.#at(open_time),
      open: drawn(open),
      high: drawn(high),
      low: drawn(low),
      close: drawn(close),
    };
  }

  #column({ open_time, open, close, volume }: Candle): {
    time: UTCTimestamp;
    value: number;
    color: string;
  } {
    const rose = drawn(close) >= drawn(open);
    const color = rose ? this.#colors.buySoft : this.#colors.sellSoft;
    return { time: this.#at(open_time), value: drawn(volume), color };
  }

  #at(ms: number): UTCTimestamp {
    return (Math.floor(ms / 1_000) + this.#shift_s) as UTCTimestamp;
  }

  #ms(time: Time): number {
    return (Number(time) - this.#shift_s) * 1_000;
  }

  #spelled(time: Time): string {
    return new Date(Number(time) * 1_000).toISOString().slice(5, 19).replace("T", " ");
  }

  #tick(time: Time, type: TickMarkType): string {
    const text = new Date(Number(time) * 1_000).toISOString();
    if (type === TickMarkType.TimeWithSeconds) return text.slice(11, 19);
    if (type === TickMarkType.Time) return text.slice(11, 16);
    return text.slice(5, 10);
  }
}
