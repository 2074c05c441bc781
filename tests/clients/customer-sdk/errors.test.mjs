// What goes wrong reaches the caller of the SDK as the code that it knows.

import assert from "node:assert/strict";
import test from "node:test";

import { plain } from "./support/page.mjs";
import { code, serve, stage, talk } from "./support/stage.mjs";

const HELLO = { type: "message", text: "hello?" };

test("nobody is there", async (t) => {
  const house = await serve(t);
  const page = house.browser().open();
  await page.event("connected");
  assert.equal(await code(page.sdk.startChat()), "GROUP_OFFLINE");
});

test("a second chat, and a chat that is open already", async (t) => {
  const { sdk, chat } = await talk(t);
  assert.equal(await code(sdk.startChat()), "VALIDATION");
  assert.equal(await code(sdk.activateChat(chat)), "VALIDATION");
});

test("a chat that is closed already", async (t) => {
  const { sdk, chat } = await talk(t);
  await sdk.closeThread(chat);
  assert.equal(await code(sdk.closeThread(chat)), "VALIDATION");
});

test("unknown chats and those of others look alike", async (t) => {
  const { house, chat } = await talk(t);
  const other = house.browser().open();
  await other.event("connected");
  const refusal = async (id) => {
    const error = await other.sdk.sendEvent(id, HELLO).catch((error) => error);
    return plain({ code: error.code, message: error.message.replaceAll(id, "<id>") });
  };
  const foreign = await refusal(chat);
  assert.equal(foreign.code, "VALIDATION");
  assert.deepEqual(await refusal("NOSUCHCHAT"), foreign);
  assert.equal(await code(other.sdk.getChatThreads(chat, [])), "VALIDATION");
  assert.equal(await code(other.sdk.closeThread(chat)), "VALIDATION");
});

test("a message that is too long, or is none", async (t) => {
  const { sdk, chat, agent } = await talk(t);
  assert.equal(await code(sdk.sendEvent(chat, { type: "message", text: "x".repeat(16 * 1024 + 1) })), "VALIDATION");
  assert.equal(await code(sdk.sendEvent(chat, { type: "message" })), "VALIDATION");
  assert.equal(await code(sdk.sendEvent(chat, { type: "no such type" })), "VALIDATION");
  // The connection took no harm.
  await sdk.sendEvent(chat, { type: "message", text: "x".repeat(16 * 1024) });
  await agent.push("incoming_event", (payload) => payload.event.text?.length === 16 * 1024);
});

test("a token that is none makes it ask for another", async (t) => {
  const { browser, page, server } = await stage(t);
  page.close();
  const key = `@@lc_auth_token:${server.license}`;
  const token = JSON.parse(browser.stored.get(key));
  browser.stored.set(key, JSON.stringify({ ...token, accessToken: "no token of ours" }));
  const next = browser.open();
  await next.event("connected");
  assert.equal(browser.tokens.length, 2, "it asked again, and was let in");
});
