/**
 * Requests over HTTP: the public market data, and `/page/*` and `/admin` with their token.
 *
 * Every request has a deadline, and every failure is one of three: `Unreachable` (no answer),
 * `Refused` (the server said no, with its code) or a malformed answer, which is `Refused` too.
 */

import type { BotSummary, KillRun, KillWish, Past, Reading, Timeline, Why } from "./bots/messages";
import type {
  ApiError,
  Candle,
  Instrument,
  Interval,
  Reconciled,
  Session,
  Status,
  Ticker,
  Trade,
} from "./messages";

const DEADLINE_MS = 5_000;
// What a kill comes to is asked for while it is under way; this is only its start.
const KILL_DEADLINE_MS = 10_000;
// A moment of a long journal, behind others who ask.
const JOURNAL_DEADLINE_MS = 25_000;
const RECONCILE_DEADLINE_MS = 16_000;

export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class Api {
  /** `token` opens `/page/*` and `/admin`; without it only the market can be asked for. */
  constructor(private readonly token: () => string | null) {}

  async instruments(): Promise<Instrument[]> {
    return list<Instrument>(await this.#get("/api/v1/instruments"), "instruments");
  }

  async status(): Promise<Status> {
    return (await this.#get("/api/v1/status")) as Status;
  }

  async tickers(): Promise<Ticker[]> {
    return list<Ticker>(await this.#get("/api/v1/ticker"), "tickers");
  }

  /** The newest trades, oldest first. */
  async trades(symbol: string, limit: number): Promise<Trade[]> {
    const query = new URLSearchParams({ symbol, limit: String(limit) });
    return list<Trade>(await this.#get(`/api/v1/trades?${query}`), "trades");
  }

  /** The newest candles that open at or before `end`, oldest first. */
  async candles(
    symbol: string,
    interval: Interval,
    limit: number,
    end?: number,
  ): Promise<Candle[]> {
    const query = new URLSearchParams({ symbol, interval, limit: String(limit) });
    if (end !== undefined) query.set("end", String(end));
    return list<Candle>(await this.#get(`/api/v1/candles?${query}`), "candles");
  }

  async session(): Promise<Session> {
    return (await this.#get("/page/session")) as Session;
  }

  /** Every bot that has run in the data directory, in short. */
  async bots(): Promise<BotSummary[]> {
    return list<BotSummary>(await this.#get("/page/bots"), "bots");
  }

  /** What `steelyard why` says of a bot now. */
  async why(bot: string): Promise<Why | Reading> {
    return (await this.#journal("why", { bot })) as Why | Reading;
  }

  /** How a bot was at a time, or after a record; now where neither is given. */
  async past(
    bot: string,
    moment: { at?: number; sequence?: number } = {},
  ): Promise<Past | Reading> {
    return (await this.#journal("past", { bot, ...moment })) as Past | Reading;
  }

  /** Counts of a bot's events over time, of a part of its journal or of all. */
  async timeline(
    bot: string,
    part: { from?: number; to?: number } = {},
  ): Promise<Timeline | Reading> {
    return (await this.#journal("timeline", { bot, ...part })) as Timeline | Reading;
  }

  /** Start the kill switch, or a rehearsal of it: a process of its own. */
  async kill(wish: KillWish): Promise<KillRun | null> {
    return killRun(await this.#post("/page/kill", wish, KILL_DEADLINE_MS));
  }

  /** How the last kill of a bot stands. */
  async killShown(bot: string): Promise<KillRun | null> {
    return killRun(await this.#get(`/page/kill?${new URLSearchParams({ bot })}`));
  }

  /** Lift a bot's kill mark. */
  async resume(bot: string, who = "", why = ""): Promise<void> {
    await this.#post("/page/resume", { bot, who, why }, KILL_DEADLINE_MS);
  }

  /** Let a breaker that has tripped resume, by a person's word. */
  async resumeBreaker(bot: string, name: string, who: string, why: string): Promise<Reconciled> {
    const body = { bot, name, who, why };
    return (await this.#post("/page/breaker", body, RECONCILE_DEADLINE_MS)) as Reconciled;
  }

  /** Carry out an administrator's call, as `steelyard` does. */
  administer(call: object): Promise<unknown> {
    return this.#post("/admin", call, DEADLINE_MS);
  }

  /** Have a bot compare everything with its venue now. */
  async reconcile(bot: string): Promise<Reconciled> {
    return (await this.#post("/page/reconcile", { bot }, RECONCILE_DEADLINE_MS)) as Reconciled;
  }

  #journal(what: string, asked: Record<string, string | number | undefined>): Promise<unknown> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(asked)) {
      if (value !== undefined) query.set(name, String(value));
    }
    return this.#ask(`/page/${what}?${query}`, { method: "GET" }, JOURNAL_DEADLINE_MS);
  }

  #get(path: string): Promise<unknown> {
    return this.#ask(path, { method: "GET" }, DEADLINE_MS);
  }

  #post(path: string, body: unknown, deadline: number): Promise<unknown> {
    const headers = { "Content-Type": "application/json" };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) }, deadline);
  }

  async #ask(path: string, request: RequestInit, deadline: number): Promise<unknown> {
    const headers = new Headers(request.headers);
    const token = this.token();
    const isGuarded = path.startsWith("/page/") || path === "/admin";
    if (isGuarded && token !== null) headers.set("X-Steelyard-Token", token);
    let response: Response;
    let text: string;
    try {
      response = await fetch(path, {
        ...request,
        headers,
        cache: "no-store",
        signal: AbortSignal.timeout(deadline),
      });
      text = await response.text();
    } catch {
      throw new Unreachable(`no answer from ${location.host}`);
    }
    const answer = parsed(text);
    if (!response.ok) throw refusal(response.status, answer);
    if (answer === undefined) throw new Refused(response.status, "NOT_JSON", `${path}: not JSON`);
    return answer;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(status: number, answer: unknown): Refused {
  const error = (answer as { error?: ApiError | string } | undefined)?.error;
  if (typeof error === "string") return new Refused(status, String(status), error);
  return new Refused(
    status,
    error?.code ?? String(status),
    error?.message ?? `the exchange answered ${status}`,
  );
}

function killRun(answer: unknown): KillRun | null {
  return (answer as { kill: KillRun | null }).kill;
}

/** A list, whether it comes bare or under its name. */
function list<T>(answer: unknown, name: string): T[] {
  const named = (answer as Record<string, unknown> | null)?.[name];
  const found = Array.isArray(answer) ? answer : named;
  if (!Array.isArray(found)) throw new Refused(200, "NOT_A_LIST", `no ${name} in the answer`);
  return found as T[];
}
