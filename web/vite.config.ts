/// <reference types="vitest/config" />
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// `npm run dev` serves the page with live reload against an exchange that runs on this port.
const exchange = "http://127.0.0.1:8600";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../src/steelyard/dashboard/page",
    emptyOutDir: true,
    target: "es2022",
    // Files instead of data: addresses, so that a strict Content-Security-Policy holds.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // A slow machine is not news.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  server: {
    proxy: {
      "/api": exchange,
      "/page": exchange,
      "/account": exchange,
      "/ws": { target: exchange, ws: true },
    },
  },
  test: {
    include: ["tests/**/*.test.ts"],
    environment: "node",
  },
});
