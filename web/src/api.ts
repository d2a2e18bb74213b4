/**
 * Requests over HTTP: the public market data, and `/page/*` and `/admin` with their token.
 *
 * Every request has a deadline, and every failure is one of three: `Unreachable` (no answer),
 * `Refused` (the server said no, with its code) or a malformed answer, which is `Refused` too.
 */

import type {
  ApiError,
  Candle,
  Instrument,
  Interval,
  KillAnswer,
  Reconciled,
  Session,
  Status,
  Ticker,
  Trade,
} from "./messages";

const DEADLINE_MS = 5_000;
// A kill asks the bot, then the exchange, and checks; it may take a while and must not be guessed.
const KILL_DEADLINE_MS = 20_000;
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

  /** Stop a bot's trading, cancel its orders, and have the exchange count what is left. */
  async kill(bot: string): Promise<KillAnswer> {
    return (await this.#post("/page/kill", { bot }, KILL_DEADLINE_MS)) as KillAnswer;
  }

  /** Let a killed bot trade again. */
  async resume(bot: string): Promise<void> {
    await this.#post("/page/resume", { bot }, DEADLINE_MS);
  }

  /** Carry out an administrator's call, as `steelyard` does. */
  administer(call: object): Promise<unknown> {
    return this.#post("/admin", call, DEADLINE_MS);
  }

  /** Have a bot compare everything with its venue now. */
  async reconcile(bot: string): Promise<Reconciled> {
    return (await this.#post("/page/reconcile", { bot }, RECONCILE_DEADLINE_MS)) as Reconciled;
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

/** A list, whether it comes bare or under its name. */
function list<T>(answer: unknown, name: string): T[] {
  const named = (answer as Record<string, unknown> | null)?.[name];
  const found = Array.isArray(answer) ? answer : named;
  if (!Array.isArray(found)) throw new Refused(200, "NOT_A_LIST", `no ${name} in the answer`);
  return found as T[];
}
