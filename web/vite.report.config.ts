/**
 * The page of a backtest's report: one script and one style, which Python puts into each report.
 *
 * Nothing may be a file of its own, because a report is one file: fonts are inside of the style.
 */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte()],
  publicDir: false,
  build: {
    outDir: "../src/steelyard/cli/report_page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 10_000_000,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks: { bundlerTimings: false },
      input: "src/report/main.ts",
      output: { entryFileNames: "report.js", assetFileNames: "report[extname]" },
    },
  },
});
