/** Times and durations for people, in the zone of whoever looks. Inputs are milliseconds. */

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** "14:03:22" */
export function clock(time: number): string {
  return CLOCK.format(time);
}

/** "21 Nov 14:03:22", without the day where it is today, with the year where it is another. */
export function moment(time: number, now: number): string {
  if (DATE.format(time) === DATE.format(now)) return clock(time);
  const isThisYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return `${(isThisYear ? DAY : DATE).format(time)} ${clock(time)}`;
}

/** "4 s", "12 min", "3 h 05 min", "2 d 4 h" */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
