// A chat from its first word to its end, as the SDK's documentation tells it.

import assert from "node:assert/strict";
import test from "node:test";

import { plain } from "./support/page.mjs";
import { serve, stage, talk } from "./support/stage.mjs";

test("logs in and hears who it is", async (t) => {
  const { page, browser, connected } = await stage(t);
  assert.deepEqual(connected, { chatsSummary: [], totalChats: 0 });
  assert.equal(await page.event("customer_id"), browser.cookie);
});

test("a second page of the same browser is the same customer, without asking for a token again", async (t) => {
  const { browser } = await stage(t);
  const second = browser.open();
  await second.event("connected");
  assert.equal(await second.event("customer_id"), browser.cookie);
  assert.equal(browser.tokens.length, 1);
});

test("starts a chat, and everybody in it is introduced", async (t) => {
  const { page, sdk, agent, browser } = await stage(t);
  const events = [
    { type: "message", text: "hello", customId: "first" },
    { type: "message", text: "anyone?" },
  ];
  const chat = plain(await sdk.startChat({ events }));
  assert.deepEqual(chat.access, { groups: [0] });
  assert.deepEqual([...chat.users].sort(), [agent.id, browser.cookie].sort());
  assert.equal(chat.properties.routing.unassigned, false);
  assert.deepEqual(
    chat.events.map(({ type, text, author, customId }) => ({ type, text, author, customId })),
    events.map(({ type, text, customId }) => ({ type, text, author: browser.cookie, customId })),
  );
  assert.ok(chat.events.every((event) => event.thread === chat.thread && Date.now() - event.timestamp < 60_000));

  const summary = await page.event("thread_summary");
  assert.deepEqual([summary.id, summary.chat, summary.active, summary.order], [chat.thread, chat.id, true, 1]);
  const known = await page.event("user_data", (user) => user.id === agent.id);
  assert.deepEqual([known.type, known.name], ["agent", "Agent One"]);
  assert.ok(!("email" in known), "an agent's address is not for customers");
  await page.event("user_joined_chat", (joined) => joined.user === agent.id && joined.chat === chat.id);
  const told = await agent.push("incoming_chat_thread", (payload) => payload.chat.id === chat.id);
  assert.equal(told.chat.thread.events[0].custom_id, "first");
});

test("both sides hear one another, on every page of the customer", async (t) => {
  const { browser, page, sdk, agent, chat, thread } = await talk(t);
  const second = browser.open();
  await second.event("connected");
  const sent = plain(await sdk.sendEvent(chat, { type: "message", text: "what is open?", customId: "q1" }));
  assert.deepEqual(
    [sent.text, sent.author, sent.thread, sent.customId],
    ["what is open?", browser.cookie, thread, "q1"],
  );
  assert.equal((await agent.hears("what is open?")).event.id, sent.id);
  const echoed = await second.event("new_event", ({ event }) => event.id === sent.id);
  assert.deepEqual(echoed, { chat, event: sent });

  await agent.say(chat, "only for us", { recipients: "agents" });
  await agent.say(chat, "the shop");
  for (const each of [page, second]) {
    const { event } = await each.event("new_event", ({ event }) => event.text === "the shop");
    assert.equal(event.author, agent.id);
    const texts = each.events.all().map(({ data }) => data?.event?.text);
    assert.ok(!texts.includes("only for us"), "an internal note leaked");
  }
});

test("reads what was said, thread by thread", async (t) => {
  const { sdk, agent, chat, thread, browser } = await talk(t);
  await agent.say(chat, "at your service");
  const [only] = plain(await sdk.getChatThreads(chat, [thread]));
  assert.deepEqual([only.id, only.chat, only.active], [thread, chat, true]);
  const said = only.events.filter((event) => event.type === "message");
  assert.deepEqual(said.map((event) => event.text), ["hello", "at your service"]);
  assert.ok(only.lastSeenTimestamps[browser.cookie] > 0);

  const { chatsSummary, totalChats } = plain(await sdk.getChatsSummary());
  assert.equal(totalChats, 1);
  const [summary] = chatsSummary;
  assert.deepEqual([summary.id, summary.active, summary.lastThread], [chat, true, thread]);
  assert.equal(summary.lastEventsPerType.message.text, "at your service");
  assert.equal(summary.lastEvent.text, "at your service");
});

test("closes, reopens by a message, and is closed by the agent", async (t) => {
  const { page, sdk, agent, chat, thread } = await talk(t);
  assert.deepEqual(plain(await sdk.closeThread(chat)), { success: true });
  const closed = await agent.push("thread_closed", (payload) => payload.chat_id === chat);
  assert.equal(closed.thread_id, thread);
  const goodbye = ({ event }) => event.systemMessageType === "manual_archived_customer";
  assert.equal((await page.event("new_event", goodbye)).chat, chat);

  // The promise of an event that opens a thread resolves with this event; the thread is announced.
  const again = plain(await sdk.sendEvent(chat, { type: "message", text: "one more thing" }));
  assert.equal(again.text, "one more thing");
  assert.notEqual(again.thread, thread);
  const summary = await page.event("thread_summary", ({ id }) => id === again.thread);
  assert.deepEqual([summary.order, summary.active], [2, true]);

  await agent.call("close_thread", { chat_id: chat });
  assert.deepEqual(await page.event("thread_closed"), { chat });
  const { chatsSummary } = plain(await sdk.getChatsSummary());
  assert.equal(chatsSummary[0].active, false);
});

test("activates a closed chat", async (t) => {
  const { sdk, agent, chat, thread } = await talk(t);
  await sdk.closeThread(chat);
  const active = plain(await sdk.activateChat(chat, { events: [{ type: "message", text: "me again" }] }));
  assert.equal(active.id, chat);
  assert.notEqual(active.thread, thread);
  assert.equal(active.events[0].text, "me again");
  const told = await agent.push("incoming_chat_thread", (payload) => payload.chat.thread.id === active.thread);
  assert.equal(told.chat.id, chat);
  assert.deepEqual(plain(await sdk.getChatThreads(chat, [thread]))[0].active, false);
});

test("comes back to a page and finds the chat", async (t) => {
  const { browser, page, chat } = await talk(t);
  page.close();
  const next = browser.open();
  const { chatsSummary, totalChats } = await next.event("connected");
  assert.deepEqual([totalChats, chatsSummary[0].id, chatsSummary[0].active], [1, chat, true]);
  const said = plain(await next.sdk.sendEvent(chat, { type: "message", text: "from another page" }));
  assert.equal(said.text, "from another page");
});

test("a bot that an application drives answers like an agent", async (t) => {
  const { server, page, sdk, chat } = await talk(t);
  const fields = { name: "Helper", status: "not accepting chats" };
  const bot = (await server.call("configuration", "create_bot_agent", fields)).bot_agent_id;
  const member = { chat_id: chat, user_id: bot, user_type: "agent" };
  await server.call("agent", "add_user_to_chat", member, bot);
  const known = await page.event("user_data", (user) => user.id === bot);
  assert.deepEqual([known.type, known.name], ["agent", "Helper"]);
  const event = { type: "message", text: "beep" };
  await server.call("agent", "send_event", { chat_id: chat, event }, bot);
  const { event: heard } = await page.event("new_event", ({ event }) => event.text === "beep");
  assert.equal(heard.author, bot);
  await server.call("agent", "remove_user_from_chat", member, bot);
  assert.deepEqual(await page.event("user_left_chat"), { chat, user: bot });
  assert.ok(plain(await sdk.getChatsSummary()).chatsSummary[0].users.includes(bot), "once in, known for ever");
});

test("waits in the queue when nobody has a free hand, and is told who comes", async (t) => {
  const { server, browser } = await serve(t);
  const fields = { name: "One at a time", status: "accepting chats", max_chats_count: 1 };
  const bot = (await server.call("configuration", "create_bot_agent", fields)).bot_agent_id;
  const first = browser().open();
  await first.event("connected");
  const held = await first.sdk.startChat();
  const second = browser().open();
  await second.event("connected");
  const waiting = plain(await second.sdk.startChat());
  assert.equal(waiting.properties.routing.unassigned, true);
  await first.sdk.closeThread(held.id);
  const joined = await second.event("user_joined_chat", ({ user }) => user === bot);
  assert.equal(joined.chat, waiting.id);
});
