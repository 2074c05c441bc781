// The customer's own data, and what the shop tells customers.

import assert from "node:assert/strict";
import test from "node:test";

import { plain } from "./support/page.mjs";
import { code, serve, stage, talk } from "./support/stage.mjs";

test("tells about itself at login, and changes that later", async (t) => {
  const house = await serve(t);
  const agent = await house.agent();
  const browser = house.browser();
  const page = browser.open({
    customer: { name: "Mia", email: "mia@example.com", fields: { plan: "free" } },
    page: { url: "https://shop.example/", title: "Shop" },
    referrer: "https://example.com/",
  });
  await page.event("connected");
  const visit = await agent.push("customer_visit_started", (payload) => payload.customer_id === browser.cookie);
  assert.ok(Number.isInteger(visit.visit_id));
  const { sdk } = page;
  await sdk.startChat();
  const self = await page.event("user_data", (user) => user.id === browser.cookie);
  assert.deepEqual(self, {
    id: browser.cookie, type: "customer", fields: { plan: "free" }, name: "Mia", email: "mia@example.com",
  });

  sdk.updateCustomer({ name: "Maria", fields: { city: "Wroclaw" } });
  const updated = await agent.push("customer_updated", (payload) => payload.name === "Maria");
  assert.deepEqual([updated.id, updated.email], [browser.cookie, "mia@example.com"]);
  assert.deepEqual(updated.fields, { plan: "free", city: "Wroclaw" });
  sdk.setCustomerFields({ only: "this" });
  await agent.push("customer_updated", (payload) => payload.fields.only === "this");

  // What an agent changes is told to the customer.
  await agent.call("update_customer", { customer_id: browser.cookie, name: "Miriam" });
  const told = await page.event("customer_updated", ({ name }) => name === "Miriam");
  assert.equal(told.id, browser.cookie);
});

test("goes from page to page", async (t) => {
  const { page, sdk, agent, browser } = await stage(t, { page: { url: "https://shop.example/", title: "Shop" } });
  const first = await page.event("customer_page_updated");
  assert.deepEqual([first.url, first.title], ["https://shop.example/", "Shop"]);
  sdk.updateCustomerPage({ url: "https://shop.example/cart", title: "Cart" });
  const seen = await agent.push("customer_page_updated", (payload) => payload.url.endsWith("/cart"));
  assert.deepEqual([seen.customer_id, seen.title], [browser.cookie, "Cart"]);
  page.close();
  await agent.push("customer_visit_ended", (payload) => payload.customer_id === browser.cookie);
});

test("keeps on its side what the server stores, and another device gets it", async (t) => {
  const { server, browser } = await serve(t);
  const key = `side_storage_${server.license}`;
  const updated = (frame) => frame.action === "customer_side_storage_updated";
  const first = browser();
  first.stored.set(key, JSON.stringify({ visits: "5" }));
  const page = first.open();
  await page.event("connected");
  await page.frames.take("the side storage", updated);
  const second = browser();
  second.cookie = first.cookie;
  const elsewhere = second.open();
  await elsewhere.event("connected");
  await elsewhere.frames.take("the side storage", updated);
  assert.deepEqual(JSON.parse(second.stored.get(key)), { visits: "5" });
});

test("hears what is told to many", async (t) => {
  const { page, agent, browser } = await stage(t);
  const content = { sale: { percent: 20 } };
  await agent.call("multicast", { scopes: { customers: { ids: [browser.cookie] } }, content });
  const heard = await page.event("incoming_multicast");
  assert.deepEqual([heard.author_id, heard.content], [agent.id, content]);
});

test("is banned: put out, and not let in again", async (t) => {
  const { browser, page, agent, chat } = await talk(t);
  await agent.call("ban_customer", { customer_id: browser.cookie, ban: { days: 1 } });
  assert.equal((await page.event("disconnected")).reason, "customer_banned");
  await agent.push("thread_closed", (payload) => payload.chat_id === chat);
  assert.equal(await code(page.sdk.sendEvent(chat, { type: "message", text: "?" })), "SDK_DESTROYED");
});
