/**
 * The kill switch of one bot as a page has it: a process of its own does it, and this starts it,
 * follows it and shows what it says. Nothing here decides whether a bot is killed: that is the
 * process's word, or there is none.
 */

import { Refused, Unreachable, type Api } from "../api";
import type { KillRun, KillWish } from "./messages";

const LOOK_MS = 300;

export class KillSwitch {
  /** The last kill or rehearsal; null before one, and after a lift. */
  run = $state.raw<KillRun | null>(null);
  problem = $state("");
  isAsking = $state(false);
  isLifting = $state(false);

  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #lifted = 0; // when the kill began that was lifted here: it is shown no more

  constructor(
    private readonly api: Api,
    readonly bot: string,
  ) {}

  /** It is on its way. */
  get isRunning(): boolean {
    return this.isAsking || (this.run !== null && !this.run.over);
  }

  /** The venue itself has said that nothing is open, and it was no rehearsal. */
  get isProven(): boolean {
    const run = this.run;
    return run !== null && run.over && !run.drill && run.result?.verified === true;
  }

  /** Start it; false if it was refused, and `problem` says why. */
  async press(wish: Omit<KillWish, "bot">): Promise<boolean> {
    if (this.isAsking) return false;
    this.isAsking = true;
    this.problem = "";
    try {
      this.take(await this.api.kill({ ...wish, bot: this.bot }));
      return true;
    } catch (error) {
      this.problem = this.#said(error);
      return false;
    } finally {
      this.isAsking = false;
    }
  }

  /** Lift the mark; false if that failed. */
  async lift(who: string, why: string): Promise<boolean> {
    if (this.isLifting) return false;
    this.isLifting = true;
    this.problem = "";
    try {
      await this.api.resume(this.bot, who, why);
      this.#lifted = this.run?.begun ?? this.#lifted;
      this.run = null;
      return true;
    } catch (error) {
      this.problem = this.#said(error);
      return false;
    } finally {
      this.isLifting = false;
    }
  }

  /** Hear the server's word on how it stands: of a kill from another page, or a lift elsewhere. */
  hear(run: KillRun | null): void {
    const known = this.run;
    if (run === null) {
      if (known?.over === true) this.run = null;
    } else if (
      run.begun > this.#lifted &&
      (known === null || run.begun > known.begun || (run.begun === known.begun && !known.over))
    ) {
      this.take(run);
    }
  }

  take(run: KillRun | null): void {
    if (JSON.stringify(run) !== JSON.stringify(this.run)) this.run = run;
    clearTimeout(this.#timer);
    if (run !== null && !run.over && !this.#isClosed) {
      this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      this.take(await this.api.killShown(this.bot));
      this.problem = "";
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.problem = `${error.message}: the kill goes on by itself; see also steelyard kill in a terminal`;
      if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), LOOK_MS * 3);
    }
  }

  #said(error: unknown): string {
    if (error instanceof Refused) return error.message;
    if (error instanceof Unreachable) {
      return `${error.message}: nothing is proven; run steelyard kill ${this.bot} in a terminal`;
    }
    throw error;
  }
}
