/**
 * Which page the address's fragment names: `#/keys`, `#/keys/new`, `#/keys/KEY`, and of bots
 * `#/bots`, `#/bots/NAME`, `#/bots/NAME/risk`. The rest is the desk. Nothing secret is ever in it:
 * a key is named, its secret is not.
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

/** What is shown of one bot, in the order of its tabs. */
export const PARTS = ["now", "risk", "journal", "metrics"] as const;
export type Part = (typeof PARTS)[number];

export type Route =
  | {
      place: Place | "desk";
      /** What of it: a key, or "new". */
      name: string | null;
    }
  | {
      place: "bots";
      /** Which bot. */
      name: string | null;
      part: Part;
    };

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
  if (root === "" && place === "bots" && rest.length <= 1) {
    const part = PARTS.find((known) => known === rest[0]) ?? "now";
    return { place, name: name === undefined || name === "" ? null : decoded(name), part };
  }
  const found = PLACES.find((known) => known === place);
  if (root !== "" || found === undefined || rest.length > 0) return DESK;
  return { place: found, name: name === undefined || name === "" ? null : decoded(name) };
}

export function hashOf(place: Place | "desk", name: string | null = null): string {
  if (place === "desk") return "#/";
  return name === null ? `#/${place}` : `#/${place}/${encodeURIComponent(name)}`;
}

/** The address of the list of bots, or of one, or of a part of it. */
export function hashOfBot(name: string | null = null, part: Part = "now"): string {
  if (name === null) return "#/bots";
  const of = `#/bots/${encodeURIComponent(name)}`;
  return part === "now" ? of : `${of}/${part}`;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
