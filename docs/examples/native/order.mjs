// Place, read and cancel an order over REST; then log in to the WebSocket and do it there.
//
// STEELYARD_KEY and STEELYARD_SECRET are in the environment; nothing but Node 22 is needed
// (Node 20: node --experimental-websocket order.mjs).

import { createHmac, randomBytes } from "node:crypto";

const BASE = (process.env.STEELYARD_URL ?? "http://127.0.0.1:8600").replace(/\/$/, "");
const { STEELYARD_KEY: KEY, STEELYARD_SECRET: SECRET } = process.env;
if (!KEY || !SECRET) {
  console.error("set STEELYARD_KEY and STEELYARD_SECRET: steelyard key create prints them");
  process.exit(1);
}

function signed(method, target, body = "") {
  const timestamp = String(Date.now());
  const nonce = randomBytes(16).toString("hex");
  const signature = createHmac("sha256", SECRET)
    .update(timestamp + nonce + method + target + body)
    .digest("hex");
  return { key: KEY, timestamp, nonce, signature };
}

async function call(method, target, value) {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const { key, timestamp, nonce, signature } = signed(method, target, body);
  const response = await fetch(BASE + target, {
    method,
    body,
    headers: {
      "STEELYARD-KEY": key,
      "STEELYARD-TIMESTAMP": timestamp,
      "STEELYARD-NONCE": nonce,
      "STEELYARD-SIGNATURE": signature,
    },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`);
  return answer;
}

const order = await call("POST", "/api/v1/orders", {
  symbol: "BTC-USDT", side: "buy", type: "limit", size: "0.001", price: "20000.00",
  client_order_id: "js-" + randomBytes(4).toString("hex"),
});
console.log(order.order_id, order.state);
console.log((await call("GET", `/api/v1/orders/${order.order_id}`)).remaining);
console.log((await call("DELETE", `/api/v1/orders/${order.order_id}`)).state);

// The same over the WebSocket: log in, follow your orders, place one, cancel it.
const socket = new WebSocket(BASE.replace("http", "ws") + "/ws/v1");
const say = (message) => socket.send(JSON.stringify(message));
socket.onopen = () => {
  const { timestamp, ...proof } = signed("GET", "/ws/v1");
  say({ op: "login", timestamp: Number(timestamp), ...proof });
};
socket.onmessage = ({ data }) => {
  const told = JSON.parse(data);
  if (told.ok === false) throw new Error(`${told.error.code}: ${told.error.message}`);
  if (told.op === "login") say({ op: "subscribe", channels: [{ channel: "orders" }] });
  if (told.op === "subscribe") {
    const params = { symbol: "BTC-USDT", side: "buy", type: "limit", size: "0.001" };
    say({ op: "place", id: 1, params: { ...params, price: "20000.00" } });
  }
  if (told.op === "place") say({ op: "cancel", params: { order_id: told.result.order_id } });
  if (told.channel === "orders") console.log(told.execution, told.order.state);
  if (told.channel === "orders" && told.execution === "canceled") socket.close();
};
