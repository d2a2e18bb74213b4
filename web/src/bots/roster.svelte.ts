/** Every bot of the data directory, asked for again and again while somebody looks. */

import { Refused, Unreachable, type Api } from "../api";
import type { BotSummary } from "./messages";

const LOOK_MS = 2_000;

export class Roster {
  bots = $state.raw<readonly BotSummary[] | null>(null);
  /** Why there is no answer; "" where there is one. */
  trouble = $state("");

  constructor(private readonly api: Api) {}

  /** Keep looking; return how to stop. */
  start(): () => void {
    void this.look();
    const timer = setInterval(() => {
      if (!document.hidden) void this.look();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }

  async look(): Promise<void> {
    try {
      const found = await this.api.bots();
      if (JSON.stringify(found) !== JSON.stringify(this.bots)) this.bots = found;
      this.trouble = "";
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.trouble = error.message;
    }
  }
}
