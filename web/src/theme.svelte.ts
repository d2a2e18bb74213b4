/**
 * Dark or light. The system decides until somebody presses the switch; pressing it back to what
 * the system says lets the system decide again.
 */

import { recall, remember } from "./stored";

export type Look = "dark" | "light";

const STORED = "steelyard.theme";

export class Theme {
  #system = $state<Look>("dark");
  #chosen = $state<Look | null>(null);

  readonly look = $derived<Look>(this.#chosen ?? this.#system);

  constructor() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    this.#system = dark.matches ? "dark" : "light";
    dark.addEventListener("change", () => {
      this.#system = dark.matches ? "dark" : "light";
      this.#apply();
    });
    const stored = recall(STORED);
    this.#chosen = stored === "dark" || stored === "light" ? stored : null;
    this.#apply();
  }

  toggle(): void {
    const next = this.look === "dark" ? "light" : "dark";
    this.#chosen = next === this.#system ? null : next;
    remember(STORED, this.#chosen);
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset["theme"] = this.look;
  }
}
