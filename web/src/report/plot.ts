/**
 * The charts of a report: lightweight-charts, told what to draw in this page's words.
 *
 * A backtest's time is UTC, and so is every axis. Numbers are binary here, for drawing.
 */

import {
  AreaSeries,
  BaselineSeries,
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  HistogramSeries,
  LineSeries,
  LineStyle,
  PriceScaleMode,
  TickMarkType,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";

import { palette, type Color } from "../palette";
import type { CandleColumns, Marks } from "./document";
import { number, percent } from "./words";

/** One line over time. */
export interface Line {
  name: string;
  color: Color;
  kind: "area" | "line" | "fall" | "around";
  pane: number;
  time_s: readonly number[];
  values: readonly number[];
  unit: "amount" | "share";
}

type AnySeries = ISeriesApi<"Area"> | ISeriesApi<"Line"> | ISeriesApi<"Baseline">;

const DAY_S = 86_400;
// How high a pane is, beside the others.
const STRETCH = [3, 1.1, 0.9];
// How wide half of a year's name is, and about how wide the scale of prices.
const YEAR_PX = 24;
const SCALE_PX = 80;

/** What both charts share: the look, and times in UTC. */
function make(host: HTMLElement, span_s: number): IChartApi {
  const chart = createChart(host, {
    autoSize: true,
    layout: { attributionLogo: true, fontSize: 11 },
    crosshair: { mode: CrosshairMode.Normal },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.06 } },
    timeScale: {
      borderVisible: false,
      timeVisible: span_s < 20 * DAY_S,
      secondsVisible: span_s < 2 * 3_600,
      minBarSpacing: 0.01,
      rightOffset: 1,
      lockVisibleTimeRangeOnResize: true,
      tickMarkFormatter: (time: Time, type: TickMarkType) => tick(time, type),
    },
    localization: {
      timeFormatter: (time: Time) =>
        new Date(Number(time) * 1_000).toISOString().slice(0, 19).replace("T", " "),
    },
    // A page scrolls on; a chart is zoomed with two fingers, or the wheel and a key.
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
  });
  host.addEventListener(
    "wheel",
    (event) => {
      const isAsked = event.ctrlKey || event.metaKey || event.shiftKey;
      chart.applyOptions({ handleScroll: { mouseWheel: isAsked }, handleScale: { mouseWheel: isAsked } });
    },
    { capture: true, passive: true },
  );
  return chart;
}

/** Bring everything into view, with room for the name of the first year. */
function fit(chart: IChartApi, host: HTMLElement, points: number): void {
  const room = points * (YEAR_PX / Math.max(host.clientWidth - SCALE_PX, 10 * YEAR_PX));
  chart.timeScale().setVisibleLogicalRange({ from: -room, to: points + room / 3 });
}

function tick(time: Time, type: TickMarkType): string {
  const date = new Date(Number(time) * 1_000);
  const text = date.toISOString();
  switch (type) {
    case TickMarkType.Year:
      return text.slice(0, 4);
    case TickMarkType.Month:
      return date.toLocaleString("en-GB", { month: "short", timeZone: "UTC" });
    case TickMarkType.DayOfMonth:
      return date.toLocaleString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
    case TickMarkType.Time:
      return text.slice(11, 16);
    default:
      return text.slice(11, 19);
  }
}

function paint(chart: IChartApi): Record<Color, string> {
  const colors = palette();
  chart.applyOptions({
    layout: {
      background: { type: ColorType.Solid, color: colors.panel },
      textColor: colors.muted,
      fontFamily: colors.mono,
      panes: { separatorColor: colors.line, separatorHoverColor: colors.edge },
    },
    grid: { vertLines: { color: colors.grid }, horzLines: { color: colors.grid } },
    crosshair: {
      vertLine: { color: colors.faint, labelBackgroundColor: colors.edge },
      horzLine: { color: colors.faint, labelBackgroundColor: colors.edge },
    },
  });
  // A canvas does not draw itself again when its font arrives.
  void document.fonts.load(`11px ${colors.mono}`).then(() => {
    chart.applyOptions({ layout: { fontFamily: colors.mono } });
  });
  return colors;
}

/** Lines over time, in panes above each other that share the time. */
export class LineChart {
  readonly #chart: IChartApi;
  readonly #series: { line: Line; drawn: AnySeries; byTime: Map<number, number> }[] = [];
  readonly #points: number;

  constructor(
    private readonly host: HTMLElement,
    lines: readonly Line[],
    hovered: (values: (number | null)[] | null, time_s: number | null) => void,
  ) {
    const ends = lines.flatMap(({ time_s }) => [time_s[0] ?? 0, time_s.at(-1) ?? 0]);
    this.#chart = make(host, Math.max(...ends) - Math.min(...ends));
    for (const line of lines) this.#add(line);
    this.#chart.panes().forEach((pane, index) => pane.setStretchFactor(STRETCH[index] ?? 1));
    this.repaint();
    this.#points = new Set(lines.flatMap(({ time_s }) => time_s)).size;
    this.showAll();
    this.#chart.subscribeCrosshairMove(({ time }) => {
      if (time === undefined) return hovered(null, null);
      const at = Number(time);
      hovered(
        this.#series.map(({ byTime }) => byTime.get(at) ?? null),
        at,
      );
    });
  }

  showAll(): void {
    fit(this.#chart, this.host, this.#points);
  }

  /** Show or hide a line, by its place; a scale fits what is shown. */
  show(line: number, isShown: boolean): void {
    this.#series[line]?.drawn.applyOptions({ visible: isShown });
  }

  repaint(): void {
    const colors = paint(this.#chart);
    for (const { line, drawn } of this.#series) {
      const color = colors[line.color];
      if (line.kind === "line") {
        (drawn as ISeriesApi<"Line">).applyOptions({ color });
      } else if (line.kind === "around") {
        (drawn as ISeriesApi<"Baseline">).applyOptions({
          topLineColor: color,
          topFillColor1: faded(color, 0.28),
          topFillColor2: faded(color, 0.06),
          bottomLineColor: colors.sell,
          bottomFillColor1: faded(colors.sell, 0.06),
          bottomFillColor2: faded(colors.sell, 0.28),
        });
      } else {
        (drawn as ISeriesApi<"Area">).applyOptions({
          lineColor: color,
          topColor: faded(color, line.kind === "fall" ? 0.02 : 0.26),
          bottomColor: faded(color, line.kind === "fall" ? 0.32 : 0.02),
        });
      }
    }
  }

  remove(): void {
    this.#chart.remove();
  }

  #add(line: Line): void {
    const isShare = line.unit === "share";
    const shared = {
      lineWidth: (line.color === "faint" ? 1 : 2) as 1 | 2,
      lastValueVisible: true,
      priceLineVisible: false,
      crosshairMarkerRadius: 3,
      priceFormat: {
        type: "custom" as const,
        minMove: isShare ? 0.0001 : 0.01,
        formatter: (value: number) => (isShare ? percent(value) : number(value, value < 100 ? 2 : 0)),
      },
    };
    const drawn: AnySeries =
      line.kind === "line"
        ? this.#chart.addSeries(LineSeries, { ...shared, lineStyle: LineStyle.Solid }, line.pane)
        : line.kind === "around"
          ? this.#chart.addSeries(
              BaselineSeries,
              { ...shared, lineWidth: 1, baseValue: { type: "price", price: 0 } },
              line.pane,
            )
          : this.#chart.addSeries(
              AreaSeries,
              { ...shared, lineWidth: line.kind === "fall" ? 1 : 2, invertFilledArea: line.kind === "fall" },
              line.pane,
            );
    drawn.setData(
      line.time_s.map((time, index) => ({
        time: time as UTCTimestamp,
        value: line.values[index] ?? 0,
      })),
    );
    if (line.pane > 0) {
      drawn.priceScale().applyOptions({ scaleMargins: { top: 0.1, bottom: 0.08 } });
    } else {
      drawn.priceScale().applyOptions({ mode: PriceScaleMode.Normal });
    }
    const byTime = new Map(line.time_s.map((time, index) => [time, line.values[index] ?? 0]));
    this.#series.push({ line, drawn, byTime });
  }
}

/** Candles, their volume, and where the run bought and sold. */
export class MarkedCandles {
  readonly #chart: IChartApi;
  readonly #candles: ISeriesApi<"Candlestick">;
  readonly #volume: ISeriesApi<"Histogram">;
  readonly #markers: ISeriesMarkersPluginApi<Time>;

  constructor(
    private readonly host: HTMLElement,
    private readonly candles: CandleColumns,
    private readonly marks: Marks,
    hovered: (time_s: number | null) => void,
  ) {
    const times = candles.time_s;
    this.#chart = make(host, (times.at(-1) ?? 0) - (times[0] ?? 0));
    this.#volume = this.#chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.#candles = this.#chart.addSeries(CandlestickSeries, {
      borderVisible: false,
      priceLineVisible: false,
      priceFormat: {
        type: "custom",
        minMove: 10 ** -candles.decimals,
        formatter: (value: number) => number(value, candles.decimals),
      },
    });
    this.#candles.priceScale().applyOptions({ scaleMargins: { top: 0.1, bottom: 0.18 } });
    this.#markers = createSeriesMarkers(this.#candles, [], { autoScale: true });
    this.#candles.setData(
      times.map((time, n) => ({
        time: time as UTCTimestamp,
        open: candles.open[n] ?? 0,
        high: candles.high[n] ?? 0,
        low: candles.low[n] ?? 0,
        close: candles.close[n] ?? 0,
      })),
    );
    this.repaint();
    this.showAll();
    this.#chart.subscribeCrosshairMove(({ time }) => {
      hovered(time === undefined ? null : Number(time));
    });
  }

  /** Bring these seconds into view, with as much again around them. */
  show(from_s: number, until_s: number): void {
    const step = this.candles.interval_ns / 1e9;
    const room = Math.max(until_s - from_s, 30 * step);
    const [first, last] = [this.candles.time_s[0] ?? 0, this.candles.time_s.at(-1) ?? 0];
    this.#chart.timeScale().setVisibleRange({
      from: Math.max(first, from_s - room) as UTCTimestamp,
      to: Math.min(last, until_s + room) as UTCTimestamp,
    });
  }

  showAll(): void {
    fit(this.#chart, this.host, this.candles.time_s.length);
  }

  repaint(): void {
    const colors = paint(this.#chart);
    const { candles, marks } = this;
    this.#candles.applyOptions({
      upColor: colors.up,
      downColor: colors.down,
      wickUpColor: colors.up,
      wickDownColor: colors.down,
    });
    this.#volume.setData(
      candles.time_s.map((time, n) => ({
        time: time as UTCTimestamp,
        value: candles.volume[n] ?? 0,
        color: (candles.close[n] ?? 0) >= (candles.open[n] ?? 0) ? colors.buySoft : colors.sellSoft,
      })),
    );
    this.#markers.setMarkers(
      marks.time_s.map((time, n) => {
        const isBuy = (marks.side[n] ?? 1) > 0;
        return {
          time: time as UTCTimestamp,
          position: isBuy ? ("belowBar" as const) : ("aboveBar" as const),
          shape: isBuy ? ("arrowUp" as const) : ("arrowDown" as const),
          color: isBuy ? colors.buy : colors.sell,
          size: 1.2,
        };
      }),
    );
  }

  remove(): void {
    this.#chart.remove();
  }
}

/** A color of the style sheet (#rrggbb) that lets so much through. */
function faded(color: string, alpha: number): string {
  const value = Math.round(alpha * 255)
    .toString(16)
    .padStart(2, "0");
  return color.slice(0, 7) + value;
}
