/** Builds the page's objects, hands them down, and starts them. */

import { mount } from "svelte";

import { Api } from "./api";
import "./app.css";
import App from "./App.svelte";
import { Market } from "./market.svelte";
import { Visit } from "./session.svelte";
import { Theme } from "./theme.svelte";

const STORED_SYMBOL = "steelyard.symbol";

const theme = new Theme();
const visit = new Visit();
const api = new Api(() => visit.token);
const market = new Market(api, () => {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws/v1`;
});

visit.start(api);
void market.start(localStorage.getItem(STORED_SYMBOL));

const target = document.getElementById("page");
if (target === null) throw new Error("index.html has no element with the id page");
mount(App, {
  target,
  props: {
    api,
    market,
    visit,
    theme,
    choose: (symbol: string) => {
      localStorage.setItem(STORED_SYMBOL, symbol);
      market.select(symbol);
    },
  },
});
