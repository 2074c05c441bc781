// Connections and servers get lost; the SDK comes back by itself, and so does the talk.

import assert from "node:assert/strict";
import test from "node:test";

import { plain } from "./support/page.mjs";
import { code, talk } from "./support/stage.mjs";

test("the network is lost, and the chat is there again", async (t) => {
  const { page, sdk, agent, chat } = await talk(t);
  page.cut();
  await page.event("connection_lost");
  assert.equal(await code(sdk.sendEvent(chat, { type: "message", text: "?" })), "NO_CONNECTION");
  const { chatsSummary } = await page.event("connection_restored");
  assert.deepEqual([chatsSummary[0].id, chatsSummary[0].active], [chat, true]);
  await agent.say(chat, "are you there?");
  await page.event("new_event", ({ event }) => event.text === "are you there?");
});

test("the server dies without warning, and nothing that it acknowledged is missing", async (t) => {
  const { house, server, page, sdk, chat, thread } = await talk(t);
  const sent = [];
  for (let n = 0; n < 10; n += 1) {
    sent.push(plain(await sdk.sendEvent(chat, { type: "message", text: `word ${n}` })));
  }
  await server.crash();
  await page.event("connection_lost");
  await page.event("connection_restored");
  const [again] = plain(await sdk.getChatThreads(chat, [thread]));
  const said = again.events.filter((event) => event.type === "message").slice(1);
  assert.deepEqual(said, sent, "to the letter, once, in order");

  const agent = await house.agent();
  await agent.say(chat, "back again");
  await page.event("new_event", ({ event }) => event.text === "back again");
});
