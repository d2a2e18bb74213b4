/**
 * Which page the address's fragment names: `#/keys`, `#/keys/new`, `#/keys/KEY`. The rest is the
 * desk. Nothing secret is ever in it: a key is named, its secret is not.
 */

export const PLACES = [
  "sign-in",
  "sign-up",
  "accounts",
  "keys",
  "funds",
  "security",
  "activity",
  "outbox",
] as const;

export type Place = (typeof PLACES)[number];

export interface Route {
  place: Place | "desk";
  /** What of it: a key, or "new". */
  name: string | null;
}

export const DESK: Route = { place: "desk", name: null };

/** What is shown in the menus, in this order. */
export const MENU: readonly { place: Place; title: string }[] = [
  { place: "accounts", title: "Accounts" },
  { place: "keys", title: "API keys" },
  { place: "funds", title: "Funds" },
  { place: "security", title: "Security" },
  { place: "activity", title: "Activity" },
  { place: "outbox", title: "Outbox" },
];

export function routeOf(hash: string): Route {
  const [root, place, name, ...rest] = hash.replace(/^#/, "").split("/");
  const found = PLACES.find((known) => known === place);
  if (root !== "" || found === undefined || rest.length > 0) return DESK;
  return { place: found, name: name === undefined || name === "" ? null : decoded(name) };
}

export function hashOf(place: Place | "desk", name: string | null = null): string {
  if (place === "desk") return "#/";
  return name === null ? `#/${place}` : `#/${place}/${encodeURIComponent(name)}`;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
