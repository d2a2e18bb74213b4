/** The notices of what is built into this page, read from the packages themselves. */

import geistMono from "@fontsource-variable/geist-mono/LICENSE?raw";
import inter from "@fontsource-variable/inter/LICENSE?raw";

import apache from "../node_modules/lightweight-charts/LICENSE?raw";
import svelte from "../node_modules/svelte/LICENSE.md?raw";

export interface Notice {
  name: string;
  license: string;
  text: string;
  full: string | null;
}

export const NOTICES: readonly Notice[] = [
  {
    name: "TradingView Lightweight Charts™",
    license: "Apache-2.0",
    // As its NOTICE words it, which the npm package leaves out, with the year of this version.
    text: "Copyright (c) 2026 TradingView, Inc. https://www.tradingview.com/",
    full: apache,
  },
  {
    name: "Svelte",
    license: "MIT",
    text: "Copyright (c) 2016-2025 Svelte Contributors",
    full: svelte,
  },
  {
    name: "Inter",
    license: "OFL-1.1",
    text: "Copyright 2016 The Inter Project Authors",
    full: inter,
  },
  {
    name: "Geist Mono",
    license: "OFL-1.1",
    text: "Copyright 2024 The Geist Project Authors",
    full: geistMono,
  },
];
