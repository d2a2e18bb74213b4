/** The months of a run as years of twelve cells, and how strong a cell's color is. */

import type { Report } from "./document";

export interface Year {
  year: number;
  /** One per month; null where the run has none. */
  cells: ({ own: number; market: number | null } | null)[];
  own: number;
  market: number | null;
}

/** Years, oldest first; a year's return is that of its months one after the other. */
export function years(months: Report["metrics"]["months"]): Year[] {
  const found = new Map<number, Year>();
  for (const [year, month, own, market] of months) {
    const row: Year = found.get(year) ?? {
      year,
      cells: Array.from({ length: 12 }, () => null),
      own: 0,
      market: 0,
    };
    row.cells[month - 1] = { own, market };
    row.own = (1 + row.own) * (1 + own) - 1;
    row.market = row.market === null || market === null ? null : (1 + row.market) * (1 + market) - 1;
    found.set(year, row);
  }
  return [...found.values()].sort((a, b) => a.year - b.year);
}

/** How strong a color is, 0 to 1, by the largest value beside it; weak ones can still be told. */
export function strength(value: number, largest: number): number {
  if (value === 0 || largest <= 0) return 0;
  return 0.15 + 0.85 * Math.sqrt(Math.min(1, Math.abs(value) / largest));
}
