// What surrounds the messages: properties, ratings, history, signals.

import assert from "node:assert/strict";
import test from "node:test";

import { plain } from "./support/page.mjs";
import { code, talk } from "./support/stage.mjs";

const SUCCESS = { success: true };

test("sets and deletes properties of a chat", async (t) => {
  const { page, sdk, agent, chat } = await talk(t);
  const properties = { test: { string_property: "blue", int_property: 5, bool_property: true } };
  assert.deepEqual(plain(await sdk.updateChatProperties(chat, properties)), SUCCESS);
  const told = await agent.push("chat_properties_updated", (payload) => payload.chat_id === chat);
  assert.deepEqual(told.properties.test.string_property, { value: "blue" });
  let [summary] = plain(await sdk.getChatsSummary()).chatsSummary;
  assert.deepEqual(summary.properties.test, properties.test);

  // Nothing changes, and the promise resolves all the same.
  assert.deepEqual(plain(await sdk.updateChatProperties(chat, properties)), SUCCESS);
  await agent.call("update_chat_properties", { chat_id: chat, properties: { test: { string_property: "red" } } });
  const heard = await page.event("chat_properties_updated");
  assert.deepEqual(heard, { chat, properties: { test: { string_property: "red" } } });

  assert.deepEqual(plain(await sdk.deleteChatProperties(chat, { test: ["string_property"] })), SUCCESS);
  await agent.push("chat_properties_deleted", (payload) => payload.properties.test[0] === "string_property");
  [summary] = plain(await sdk.getChatsSummary()).chatsSummary;
  assert.deepEqual(summary.properties.test, { int_property: 5, bool_property: true });
  await agent.call("delete_chat_properties", { chat_id: chat, properties: { test: ["int_property"] } });
  assert.deepEqual(await page.event("chat_properties_deleted"), { chat, properties: { test: ["int_property"] } });
});

test("sets and deletes properties of a thread and of an event", async (t) => {
  const { page, sdk, agent, chat, thread, started } = await talk(t);
  const properties = { test: { int_property: 7, string_property: "kept" } };
  assert.deepEqual(plain(await sdk.updateChatThreadProperties(chat, thread, properties)), SUCCESS);
  await agent.push("chat_thread_properties_updated", (payload) => payload.thread_id === thread);
  const int = { test: ["int_property"] };
  assert.deepEqual(plain(await sdk.deleteChatThreadProperties(chat, thread, int)), SUCCESS);
  await agent.push("chat_thread_properties_deleted", (payload) => payload.thread_id === thread);

  const event = started.events[0].id;
  assert.deepEqual(plain(await sdk.updateEventProperties(chat, thread, event, properties)).properties, {
    test: { int_property: { value: 7 }, string_property: { value: "kept" } },
  });
  const told = await agent.push("event_properties_updated", (payload) => payload.event_id === event);
  assert.deepEqual(told.properties.test.int_property, { value: 7 });
  await agent.call("delete_event_properties", { chat_id: chat, thread_id: thread, event_id: event, properties: int });
  assert.deepEqual(await page.event("event_properties_deleted"), { chat, thread, event, properties: int });

  const [now] = plain(await sdk.getChatThreads(chat, [thread]));
  assert.deepEqual(now.properties.test, { string_property: "kept" });
  assert.deepEqual(now.events.find(({ id }) => id === event).properties.test, { string_property: "kept" });
});

test("refuses properties that nobody defined, or of another type", async (t) => {
  const { sdk, chat } = await talk(t);
  for (const properties of [{ test: { no_such: 1 } }, { nowhere: { a: 1 } }, { test: { int_property: "x" } }]) {
    assert.equal(await code(sdk.updateChatProperties(chat, properties)), "VALIDATION");
  }
  assert.equal(await code(sdk.updateChatThreadProperties(chat, "NOSUCHTHRD", {})), "VALIDATION");
});

test("rates the chat, comments on it, and takes the rating back", async (t) => {
  const { sdk, agent, chat, thread } = await talk(t);
  assert.deepEqual(plain(await sdk.rateChat(chat, { score: 1, comment: "fine" })), SUCCESS);
  const rated = await agent.push("chat_thread_properties_updated", (payload) => payload.properties.rating);
  assert.deepEqual([rated.thread_id, rated.properties.rating.score], [thread, { value: 1 }]);
  let [now] = plain(await sdk.getChatThreads(chat, [thread]));
  assert.deepEqual(now.properties.rating, { score: 1, comment: "fine" });
  assert.deepEqual(plain(await sdk.cancelRate(chat)), SUCCESS);
  [now] = plain(await sdk.getChatThreads(chat, [thread]));
  assert.deepEqual(now.properties.rating, { comment: "fine" });
});

test("reads the history backwards, thread by thread", async (t) => {
  const { page, sdk, chat } = await talk(t);
  // More events than the SDK loads at once, over several threads.
  const said = ["hello"];
  for (let thread = 1; thread <= 4; thread += 1) {
    for (let n = 0; n < 20; n += 1) {
      said.push(`${thread}.${n}`);
      await sdk.sendEvent(chat, { type: "message", text: said.at(-1) });
    }
    await sdk.closeThread(chat);
  }
  const { threadsSummary, totalThreads } = plain(await sdk.getChatThreadsSummary(chat));
  assert.equal(totalThreads, 4);
  assert.deepEqual(threadsSummary.map(({ order, active }) => [order, active]), [1, 2, 3, 4].map((n) => [n, false]));
  assert.ok(threadsSummary.every(({ totalEvents }) => totalEvents > 20));
  const first = plain(await sdk.getChatThreadsSummary(chat, { offset: 3, limit: 1 })).threadsSummary;
  assert.deepEqual(first.map(({ order }) => order), [1]);

  const history = sdk.getChatHistory(chat);
  let read = [];
  let loads = 0;
  for (let done = false; !done; loads += 1) {
    const page = plain(await history.next());
    read = [...(page.value ?? []), ...read];
    done = page.done;
  }
  assert.ok(loads > 1, "it came in more than one piece");
  assert.deepEqual(read.filter(({ type }) => type === "message").map(({ text }) => text), said);
  assert.deepEqual(plain(await history.next()), { done: true });
  await page.event("thread_summary", ({ order }) => order === 1);
});

test("sees who types, and is seen typing", async (t) => {
  const { page, sdk, agent, chat } = await talk(t);
  await agent.call("send_typing_indicator", { chat_id: chat, is_typing: true });
  assert.deepEqual(await page.event("user_is_typing"), { chat, user: agent.id });
  await agent.call("send_typing_indicator", { chat_id: chat, is_typing: true, recipients: "agents" });
  await agent.call("send_typing_indicator", { chat_id: chat, is_typing: false });
  assert.deepEqual(await page.event("user_stopped_typing"), { chat, user: agent.id });
  assert.equal(page.names().filter((name) => name === "user_is_typing").length, 1, "agents only is agents only");

  sdk.setSneakPeek(chat, "I wan");
  const peek = await agent.push("incoming_sneak_peek", (payload) => payload.chat_id === chat);
  assert.equal(peek.sneak_peek.text, "I wan");
});

test("says and hears how far everybody has read", async (t) => {
  const { page, sdk, agent, chat, browser } = await talk(t);
  const now = Math.floor(Date.now() / 1000) * 1000;
  const marked = plain(await sdk.updateLastSeenTimestamp(chat, now));
  assert.ok(marked.timestamp >= now);
  const told = await agent.push("last_seen_timestamp_updated", (payload) => payload.user_id === browser.cookie);
  assert.equal(told.chat_id, chat);
  await agent.call("update_last_seen_timestamp", { chat_id: chat });
  const heard = await page.event("last_seen_timestamp_updated", ({ user }) => user === agent.id);
  assert.ok(heard.timestamp >= now);
});

test("presses a button, and lets go", async (t) => {
  const { page, sdk, agent, chat, browser } = await talk(t);
  const buttons = [{ text: "Buy", postback_id: "buy", user_ids: [] }];
  const event = { type: "rich_message", template_id: "cards", elements: [{ title: "Pizza", buttons }] };
  await agent.call("send_event", { chat_id: chat, event });
  const { event: card } = await page.event("new_event", ({ event }) => event.type === "rich_message");
  assert.deepEqual([card.template, card.elements[0].buttons[0].postback], ["cards", "buy"]);
  const pressed = () => page.event("event_updated", ({ event }) => event.id === card.id);
  await sdk.sendPostback(chat, card.thread, card.id, { id: "buy" });
  const heard = await agent.push("incoming_rich_message_postback", (payload) => payload.event_id === card.id);
  assert.deepEqual([heard.user_id, heard.postback], [browser.cookie, { id: "buy", toggled: true }]);
  assert.deepEqual((await pressed()).event.elements[0].buttons[0].users, [browser.cookie]);
  await sdk.sendPostback(chat, card.thread, card.id, { id: "buy", toggled: false });
  assert.deepEqual((await pressed()).event.elements[0].buttons[0].users, []);
  assert.equal(await code(sdk.sendPostback(chat, card.thread, "NOSUCHEVENT", { id: "buy" })), "VALIDATION");
});

test("begins a chat with properties, in a group", async (t) => {
  const { page, sdk, agent, chat } = await talk(t);
  await sdk.closeThread(chat);
  const active = plain(
    await sdk.activateChat(chat, {
      access: { groups: [1] },
      chatProperties: { test: { string_property: "web" } },
      threadProperties: { test: { int_property: 2 } },
    }),
  );
  assert.deepEqual([active.access, active.properties.test], [{ groups: [1] }, { string_property: "web" }]);
  const summary = await page.event("thread_summary", ({ id }) => id === active.thread);
  assert.deepEqual(summary.properties.test, { int_property: 2 });
  await agent.push("incoming_chat_thread", (payload) => payload.chat.thread.id === active.thread);
});
