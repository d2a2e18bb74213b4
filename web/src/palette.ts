/** The theme's colors for what is drawn on a canvas, read from the style sheet: written once. */

const NAMES = {
  panel: "panel",
  grid: "grid",
  line: "line",
  edge: "edge",
  text: "text",
  muted: "muted",
  faint: "faint",
  up: "up",
  down: "down",
  buy: "buy",
  sell: "sell",
  buySoft: "buy-soft",
  sellSoft: "sell-soft",
  own: "own",
  sand: "sand-deep",
  mono: "mono",
} as const;

export type Color = keyof typeof NAMES;

export function palette(): Record<Color, string> {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(
    Object.entries(NAMES).map(([color, name]) => [color, read(name)]),
  ) as Record<Color, string>;
}
