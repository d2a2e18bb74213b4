/** The order of a table's rows: rows are numbers, columns are read by them. */

export interface Sorting {
  column: string;
  isDown: boolean;
}

/** Rows in the order of a column's keys; rows of equal keys stay in their order. */
export function sorted(
  rows: readonly number[],
  key: (row: number) => number | string,
  isDown: boolean,
): number[] {
  const keyed = rows.map((row) => [key(row), row] as const);
  const sign = isDown ? -1 : 1;
  keyed.sort(([a], [b]) => (a < b ? -sign : a > b ? sign : 0));
  return keyed.map(([, row]) => row);
}

/** What a press on a column's head makes of the order: down first, then up. */
export function pressed(now: Sorting, column: string): Sorting {
  return now.column === column ? { column, isDown: !now.isDown } : { column, isDown: true };
}
