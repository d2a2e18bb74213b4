import { describe, expect, it } from "vitest";

import { AccountApi, Declined } from "../src/account/api";
import { changesOf, objection } from "../src/account/changes";
import type { Key, Session } from "../src/account/messages";
import { DESK, hashOf, MENU, routeOf } from "../src/account/route";
import {
  ago,
  browserOf,
  deed,
  expiry,
  exposure,
  isOver,
  listOf,
  problemOf,
  sentence,
  short,
  stateOf,
} from "../src/account/words";
import { Unreachable } from "../src/api";
import { moment } from "../src/time";

const HOUR = 60 * 60 * 1_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 21, 12);

const KEY: Key = {
  key: "abcdefghijklmnop",
  account: "alice",
  dialect: "binance",
  kind: "hmac",
  scopes: ["read", "trade"],
  products: ["BTC-USDT"],
  ip: ["127.0.0.1/32"],
  label: "dip",
  created: NOW - DAY,
  expires: NOW + DAY,
  withdraw_from: null,
  replaces: null,
  replaced_by: null,
  overlap_ends: null,
  revoked: null,
  revoked_for: "",
  last_used: null,
  last_ip: null,
  last_endpoint: null,
};

/** A server that gives one answer after another, and what it was asked. */
class Server {
  readonly asked: { method: string; path: string; csrf: string | null; body: unknown }[] = [];

  constructor(private readonly answers: [status: number, body: unknown, headers?: HeadersInit][]) {}

  readonly fetch = (path: string, request: RequestInit): Promise<Response> => {
    this.asked.push({
      method: request.method ?? "",
      path,
      csrf: new Headers(request.headers).get("x-steelyard-csrf"),
      body: request.body === undefined ? null : JSON.parse(String(request.body)),
    });
    const answer = this.answers.shift();
    if (answer === undefined) return Promise.reject(new TypeError("nobody listens"));
    const [status, body, headers] = answer;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return Promise.resolve(new Response(text, { status, headers: headers ?? {} }));
  };
}

function session(csrf: string, signedIn: boolean): Session {
  return { signed_in: signedIn, csrf, person: null, expires: null };
}

function refusal(code: string, extra: object = {}): object {
  return { error: { code, message: `it is ${code}`, field: null, hint: null, ...extra } };
}

function at(server: Server): { api: AccountApi; heard: Session[] } {
  const heard: Session[] = [];
  return { api: new AccountApi((one) => heard.push(one), server.fetch), heard };
}

async function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("an address is a page", () => {
  it("of every place in the menu, there and back", () => {
    for (const { place } of MENU) {
      expect(routeOf(hashOf(place))).toEqual({ place, name: null });
      expect(routeOf(hashOf(place, "a/b c"))).toEqual({ place, name: "a/b c" });
    }
  });

  it("and the desk where it is none", () => {
    const others = ["", "#", "#/", "#token=abc", "#/nowhere", "#keys", "#/keys/a/b", "#//keys"];
    for (const hash of others) expect(routeOf(hash), hash).toEqual(DESK);
    expect(routeOf("#/keys/")).toEqual({ place: "keys", name: null });
    expect(routeOf("#/keys/%E0%A4%A")).toEqual({ place: "keys", name: "%E0%A4%A" });
  });
});

describe("requests carry the session's token", () => {
  it("which is asked for before the first change, and taken from every session after", async () => {
    const server = new Server([
      [200, session("one", false)],
      [200, session("two", true)],
      [200, { ended: true }],
    ]);
    const { api, heard } = at(server);
    await api.post("sign-in", { name: "alice" });
    await api.delete("sessions/x");
    expect(server.asked.map(({ method, path, csrf }) => [method, path, csrf])).toEqual([
      ["GET", "/account/session", null],
      ["POST", "/account/sign-in", "one"],
      ["DELETE", "/account/sessions/x", "two"],
    ]);
    expect(server.asked[1]?.body).toEqual({ name: "alice" });
    expect(heard.map(({ signed_in }) => signed_in)).toEqual([false, true]);
  });

  it("and ask again with a new one where the old one is no good", async () => {
    const server = new Server([
      [200, session("old", true)],
      [403, refusal("CSRF")],
      [200, session("new", true)],
      [200, { id: 1 }],
    ]);
    expect(await at(server).api.post("deposits")).toEqual({ id: 1 });
    expect(server.asked.map(({ csrf }) => csrf)).toEqual([null, "old", null, "new"]);
  });

  it("but not once nobody is signed in any more", async () => {
    const server = new Server([
      [200, session("old", true)],
      [403, refusal("CSRF")],
      [200, session("new", false)],
    ]);
    const { api, heard } = at(server);
    const error = await caught(api.post("deposits"));
    expect(error).toMatchObject({ code: "SIGN_IN", status: 401 });
    expect(heard.at(-1)?.signed_in).toBe(false);
  });

  it("and a look that needs a person tells that there is none", async () => {
    const server = new Server([
      [401, refusal("SIGN_IN")],
      [200, session("new", false)],
    ]);
    const { api, heard } = at(server);
    expect(await caught(api.get("keys"))).toMatchObject({ code: "SIGN_IN" });
    expect(heard).toHaveLength(1);
  });
});

describe("every failure is a sentence at its place", () => {
  it("with field, hint and waiting time as the server says", async () => {
    const body = refusal("LOCKED", { field: "ip[3]", hint: "steelyard person unlock NAME" });
    const server = new Server([[429, body, { "Retry-After": "90" }]]);
    const error = await caught(at(server).api.get("keys"));
    expect(error).toBeInstanceOf(Declined);
    expect(error).toMatchObject({ status: 429, code: "LOCKED", retryAfterMs: 90_000 });
    const { field, text } = problemOf(error, NOW);
    expect(field).toBe("ip");
    expect(text).toMatch(
      /^It is LOCKED\. Try again in 1 min, at \d\d:\d\d:30\. Steelyard person unlock NAME\.$/,
    );
  });

  it("without the hints that are for programs", () => {
    const error = new Declined(403, "TOTP_REQUIRED", "enrol", null, "POST /account/totp/begin", null);
    expect(problemOf(error, NOW)).toEqual({ field: null, text: "Enrol." });
  });

  it("also where nobody answers, or something else does", async () => {
    const gone = await caught(at(new Server([])).api.get("keys"));
    expect(gone).toBeInstanceOf(Unreachable);
    expect(problemOf(gone, NOW).text).toMatch(/does not answer/);
    const proxy = await caught(at(new Server([[502, "<html>"]])).api.get("keys"));
    expect(proxy).toMatchObject({ status: 502, code: "502" });
    const page = await caught(at(new Server([[200, "<html>"]])).api.get("keys"));
    expect(page).toMatchObject({ code: "NOT_JSON" });
  });

  it("that stands alone", () => {
    expect(sentence("the password is wrong")).toBe("The password is wrong.");
    expect(sentence("Really?")).toBe("Really?");
    expect(sentence(" ")).toBe("");
  });
});

describe("a key in words", () => {
  const cases: [name: string, over: boolean, change: Partial<Key>][] = [
    ["works", false, {}],
    ["works", false, { expires: null }],
    ["expired", true, { expires: NOW }],
    ["revoked", true, { revoked: NOW - 1, expires: NOW - 1 }],
    ["replaced soon", false, { replaced_by: "other", overlap_ends: NOW + 1 }],
    ["replaced", true, { replaced_by: "other", overlap_ends: NOW }],
  ];
  it.each(cases)("%s", (state, over, change) => {
    expect(stateOf({ ...KEY, ...change }, NOW)).toBe(state);
    expect(isOver({ ...KEY, ...change }, NOW)).toBe(over);
  });

  it("names times as people do", () => {
    expect(expiry(null, NOW)).toBe("never");
    expect(expiry(NOW + 90 * DAY, NOW)).toBe("in 90 d");
    expect(expiry(NOW + DAY, NOW)).toBe("in 1 d 0 h");
    expect(expiry(NOW + 61_000, NOW)).toBe("in 1 min");
    expect(ago(NOW + 5, NOW)).toBe("just now");
    expect(ago(NOW - 3 * HOUR, NOW)).toBe("3 h 00 min ago");
  });

  it("says how far a thief would come", () => {
    expect(exposure(KEY)).toEqual({ tone: "good", text: "only from 1 place" });
    expect(exposure({ ...KEY, ip: [] }).tone).toBe("warn");
    expect(exposure({ ...KEY, scopes: ["withdraw"] }).tone).toBe("bad");
  });

  it("has a year where it ends in another", () => {
    const at = new Date(2026, 10, 21, 12).getTime();
    expect(moment(at, at + 1)).toBe("12:00:00");
    expect(moment(at, at + 2 * DAY)).toBe("21 Nov 12:00:00");
    expect(moment(at, at + 365 * DAY)).toBe("21 Nov 2026 12:00:00");
  });

  it("is told apart by its beginning", () => {
    expect(short(KEY.key)).toBe("abcdefgh…");
    expect(short("short")).toBe("short");
  });

  it("sends only what is changed", () => {
    const same = {
      label: " dip ",
      scopes: [...KEY.scopes].reverse(),
      products: [...KEY.products],
      ip: "127.0.0.1/32",
      expires: "keep",
    };
    expect(changesOf(KEY, same)).toEqual({});
    expect(changesOf(KEY, { ...same, ip: " " })).toEqual({ ip: [] });
    expect(changesOf(KEY, { ...same, expires: "" })).toEqual({ expires_days: null });
    expect(changesOf(KEY, { ...same, expires: "7", label: "x" })).toEqual({
      expires_days: 7,
      label: "x",
    });
    expect(changesOf(KEY, { ...same, products: [], scopes: ["read"] })).toEqual({
      products: [],
      scopes: ["read"],
    });
  });
});

describe("a key that cannot be", () => {
  const chosen = { label: "", scopes: ["read" as const], products: [], ip: "", expires: "" };

  it("is objected to at the field that would mend it", () => {
    expect(objection(chosen)).toBeNull();
    expect(objection({ ...chosen, scopes: [] })?.field).toBe("scopes");
    expect(objection({ ...chosen, scopes: ["withdraw"], ip: " ," })?.field).toBe("ip");
    expect(objection({ ...chosen, scopes: ["withdraw"], ip: "::1" })).toBeNull();
  });
});

describe("what people type and browsers say", () => {
  it("takes addresses however they are set apart", () => {
    expect(listOf(" 10.0.0.0/8, ::1;\n127.0.0.1\t::1 ")).toEqual(["10.0.0.0/8", "::1", "127.0.0.1"]);
    expect(listOf("  ")).toEqual([]);
  });

  it("knows a browser by its agent", () => {
    const chrome = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36";
    expect(browserOf(chrome)).toBe("Chrome on Linux");
    expect(browserOf("curl/8.5.0")).toBe("curl/8.5.0");
    expect(browserOf("")).toBe("a program");
  });

  it("has words for what it does not know yet", () => {
    expect(deed("sign_in_failed")).toBe("Sign-in refused");
    expect(deed("key_framed")).toBe("Key framed");
  });
});
