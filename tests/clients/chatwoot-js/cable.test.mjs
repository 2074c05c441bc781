// Rails' own client on /cable: what a customer and an agent are told while somebody talks.

import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import WebSocket from "ws";

import { Cable } from "./support/cable.mjs";
import { desk } from "./support/desk.mjs";
import { Seen, within } from "../customer-sdk/support/wait.mjs";

/** A desk with a customer and an agent on the wire. */
async function wired(t) {
  const house = await desk(t);
  const profile = await house.agent.profile.profile();
  const [ana, bo] = [new Cable(house), new Cable(house)];
  await ana.subscribe({ pubsub_token: house.contact.pubsub_token });
  await bo.subscribe({ pubsub_token: profile.pubsub_token, account_id: house.accountId, user_id: profile.id });
  return { ...house, profile, ana, bo };
}

test("both hear what is said, in the form of the WebSocket", async (t) => {
  const { ana, bo, bot, say, accountId, inboxId, conversationId, contact, made } = await wired(t);
  await say("hello");
  for (const [who, cable] of Object.entries({ ana, bo })) {
    const data = await cable.take("message.created", (message) => message.content === "hello");
    assert.equal(data.account_id, accountId, who);
    assert.equal(data.inbox_id, inboxId, who);
    assert.equal(data.conversation_id, conversationId, who);
    assert.deepEqual([data.message_type, data.private, data.content_type], [0, false, "text"], who);
    assert.deepEqual([data.sender_type, data.sender_id], ["Contact", contact.id], who);
    assert.ok(Number.isInteger(data.created_at), who);
    assert.equal(new Date(data.updated_at).toISOString().slice(0, 4), String(new Date().getUTCFullYear()), who);
    assert.deepEqual(data.content_attributes, {}, who);
    assert.equal(data.conversation.contact_inbox.source_id, contact.source_id, who);
  }
  await bot.messages.create({ accountId, conversationId, data: { content: "bot here" } });
  const answer = await ana.take("message.created", (message) => message.content === "bot here");
  assert.deepEqual([answer.message_type, answer.sender_type, answer.sender_id], [1, "AgentBot", made.id]);
});

test("a customer hears the own message with its echo id", async (t) => {
  const { ana, server, customer } = await wired(t);
  const { inboxIdentifier, contactIdentifier, conversationId } = customer;
  const path = `/public/api/v1/inboxes/${inboxIdentifier}/contacts/${contactIdentifier}`;
  const answer = await fetch(`${server.http}${path}/conversations/${conversationId}/messages`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ content: "hello", echo_id: "e-1" }),
  });
  assert.equal(answer.status, 200);
  assert.equal((await ana.take("message.created", (data) => data.content === "hello")).echo_id, "e-1");
});

test("a private note never reaches the customer", async (t) => {
  const { ana, bo, agent, accountId, conversationId } = await wired(t);
  const post = (data) => agent.messages.create({ accountId, conversationId, data });
  await post({ content: "he pays late", private: true });
  await post({ content: "I am here" });
  await bo.take("message.created", (data) => data.content === "he pays late" && data.private);
  await ana.take("message.created", (data) => data.content === "I am here");
  assert.ok(!JSON.stringify(ana.received.all()).includes("he pays late"), "in no event at all");
  assert.ok(ana.all("message.created").every((data) => data.message_type !== 2), "and no activity");
});

test("a hand-off and an end are told to both", async (t) => {
  const { ana, bo, bot, agent, accountId, conversationId } = await wired(t);
  for (const [client, status] of [[bot, "open"], [agent, "resolved"]]) {
    await client.conversations.toggleStatus({ accountId, conversationId, data: { status } });
    for (const cable of [ana, bo]) {
      const data = await cable.take("conversation.status_changed", (one) => one.status === status);
      assert.deepEqual([data.id, data.account_id], [conversationId, accountId]);
    }
  }
});

test("typing is told to the other side, private typing to agents only", async (t) => {
  const { ana, bo, server, accountId, conversationId, customer, say, made } = await wired(t);
  const { inboxIdentifier, contactIdentifier } = customer;
  const post = async (path, token, body) => {
    const headers = { "Content-Type": "application/json", ...(token ? { api_access_token: token } : {}) };
    const answer = await fetch(server.http + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, path);
  };
  const contact = `/public/api/v1/inboxes/${inboxIdentifier}/contacts/${contactIdentifier}`;
  await post(`${contact}/conversations/${conversationId}/toggle_typing`, undefined, { typing_status: "on" });
  const typing = await bo.take("conversation.typing_on");
  assert.deepEqual([typing.conversation.id, typing.is_private], [conversationId, false]);
  const toggle = `/api/v1/accounts/${accountId}/conversations/${conversationId}/toggle_typing_status`;
  await post(toggle, made.access_token, { typing_status: "on", is_private: true });
  await post(toggle, made.access_token, { typing_status: "off", is_private: false });
  await ana.take("conversation.typing_off");
  assert.deepEqual(ana.all("conversation.typing_on"), [], "what is private stays with the agents");
  await say("done");
  await bo.take("message.created", (data) => data.content === "done");
});

test("presence is told, and to customers without one another", async (t) => {
  const { ana, bo, accountId, contact, profile } = await wired(t);
  const agents = await bo.take("presence.update", (data) => data.contacts?.[contact.id] === "online");
  assert.equal(agents.account_id, accountId);
  assert.equal(agents.users[profile.id], "online");
  const subscription = ana.consumer.subscriptions.subscriptions[0];
  subscription.perform("update_presence");
  const customers = await ana.take("presence.update", (data) => data.users?.[profile.id] === "online");
  assert.ok(!("contacts" in customers));
});

test("a wrong token is rejected, and a right one on the same connection is not", async (t) => {
  const house = await desk(t);
  const cable = new Cable(house);
  cable.ask({ pubsub_token: "nobody's" });
  await cable.turn("rejected");
  await cable.subscribe({ pubsub_token: house.contact.pubsub_token });
  await house.say("hello");
  await cable.take("message.created");
});

test("an agent's token is good for that agent and account only", async (t) => {
  const house = await desk(t);
  const { id, pubsub_token } = await house.agent.profile.profile();
  const other = await house.admin.profile.profile();
  assert.notEqual(other.id, id);
  for (const params of [{ account_id: house.accountId, user_id: other.id }, { account_id: 4711, user_id: id }]) {
    const cable = new Cable(house);
    cable.ask({ pubsub_token, ...params });
    await cable.turn("rejected");
  }
});

test("one customer hears nothing of another", async (t) => {
  const house = await desk(t);
  const { visitor, inboxIdentifier } = house;
  const other = await visitor.contacts.create({ inboxIdentifier, data: { name: "Eve" } });
  const eve = new Cable(house);
  await eve.subscribe({ pubsub_token: other.pubsub_token });
  await house.say("a secret");
  const customer = { inboxIdentifier, contactIdentifier: other.source_id };
  const { id: conversationId } = await visitor.conversations.create(customer);
  await visitor.messages.create({ ...customer, conversationId, data: { content: "mine" } });
  await eve.take("message.created", (data) => data.content === "mine");
  assert.ok(!JSON.stringify(eve.received.all()).includes("a secret"));
});

test("an unsubscribed customer hears no more", async (t) => {
  const { ana, bo, say } = await wired(t);
  await say("one");
  await ana.take("message.created");
  const again = ana.consumer.subscriptions.subscriptions[0];
  const params = JSON.parse(again.identifier);
  again.unsubscribe();
  await say("two");
  await bo.take("message.created", (data) => data.content === "two");
  // Subscribed again on the same connection: what follows is heard, what was said between is not.
  await ana.subscribe(params);
  await say("three");
  await ana.take("message.created", (data) => data.content === "three");
  assert.deepEqual(ana.all("message.created").map((data) => data.content), ["one", "three"]);
});

test("the client comes back after a crash of the server", async (t) => {
  const { ana, server, say } = await wired(t);
  await server.crash();
  await ana.turn("disconnected");
  await within(ana.turn("connected"), "the client's return", 40_000);
  await say("are you back?");
  await ana.take("message.created", (data) => data.content === "are you back?");
});

test("frame by frame", async (t) => {
  const { server, contact, say } = await desk(t);
  const socket = new WebSocket(`${server.http.replace("http", "ws")}/cable`, ["actioncable-v1-json", "actioncable-unsupported"]);
  t.after(() => socket.terminate());
  const frames = new Seen();
  socket.on("message", (data, binary) => frames.add({ binary, ...JSON.parse(data.toString()) }));
  await within(once(socket, "open"), "the socket");
  assert.equal(socket.protocol, "actioncable-v1-json");
  const first = await frames.take("the welcome", () => true);
  assert.deepEqual(first, { binary: false, type: "welcome" });
  // Odd order and spaces: the identifier is compared and given back byte for byte.
  const identifier = `{ "pubsub_token":"${contact.pubsub_token}",  "channel" : "RoomChannel" }`;
  socket.send(JSON.stringify({ command: "subscribe", identifier }));
  const confirmed = await frames.take("the confirmation", (frame) => frame.type === "confirm_subscription");
  assert.equal(confirmed.identifier, identifier);
  await say("hello");
  const told = await frames.take("the message", (frame) => frame.message?.event === "message.created");
  assert.equal(told.identifier, identifier);
  const ping = await frames.take("a ping", (frame) => frame.type === "ping");
  assert.ok(Math.abs(ping.message - Date.now() / 1000) < 30, JSON.stringify(ping));
  await frames.take("a second ping", (frame) => frame.type === "ping");
});

test("a server that ends says so", async (t) => {
  const { server } = await desk(t);
  const socket = new WebSocket(`${server.http.replace("http", "ws")}/cable`, ["actioncable-v1-json"]);
  t.after(() => socket.terminate());
  const frames = new Seen();
  socket.on("message", (data) => frames.add(JSON.parse(data.toString())));
  await frames.take("the welcome", (frame) => frame.type === "welcome");
  server.drain();
  const goodbye = await frames.take("the goodbye", (frame) => frame.type === "disconnect");
  assert.deepEqual(goodbye, { type: "disconnect", reason: "server_restart", reconnect: true });
});
