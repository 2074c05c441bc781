// The published SDK for Chatwoot's API: a bot, a customer and people, each with it.

import assert from "node:assert/strict";
import test from "node:test";

import { desk, refusal, serve } from "./support/desk.mjs";

test("a bot answers, asks, and hands off", async (t) => {
  const { hook, bot, accountId, conversationId, conversation, made, say, reads, customer, visitor } = await desk(t);
  assert.equal(conversation.status, "pending");
  await say("hello");
  const heard = await hook.take("message_created", (body) => body.content === "hello");
  assert.equal(heard.conversation.id, conversationId);
  const sent = await bot.messages.create({
    accountId, conversationId, data: { content: "How can I help?", message_type: "outgoing", private: false },
  });
  assert.deepEqual([sent.content, sent.message_type, sent.private], ["How can I help?", 1, false]);
  assert.deepEqual([sent.sender.id, sent.sender.type], [made.id, "agent_bot"]);

  const items = [{ title: "Yes", value: "y" }, { title: "No", value: "n" }];
  const menu = await bot.messages.create({
    accountId, conversationId, data: { content: "Sure?", content_type: "input_select", content_attributes: { items } },
  });
  assert.deepEqual(menu.content_attributes.items, items);
  const chosen = [{ title: "Yes", value: "y" }];
  await visitor.messages.update({ ...customer, messageId: menu.id, data: { submitted_values: chosen } });
  const updated = await hook.take("message_updated");
  assert.deepEqual([updated.id, updated.content_attributes.submitted_values], [menu.id, chosen]);

  const toggled = await bot.conversations.toggleStatus({ accountId, conversationId, data: { status: "open" } });
  assert.deepEqual(
    [toggled.payload.success, toggled.payload.conversation_id, toggled.payload.current_status],
    [true, conversationId, "open"],
  );
  await hook.take("conversation_opened");
  assert.deepEqual(await reads(), ["hello", "How can I help?", "Sure?"]);
});

test("an agent answers, notes, and resolves; a new word begins it anew", async (t) => {
  const { agent, accountId, conversationId, say, reads, visitor, customer } = await desk(t);
  await say("hello");
  const post = (data) => agent.messages.create({ accountId, conversationId, data });
  assert.equal((await post({ content: "he pays late", private: true })).private, true);
  await post({ content: "I am here" });
  const shown = await agent.conversations.get({ accountId, conversationId });
  assert.equal(shown.status, "open");
  assert.deepEqual(await reads(), ["hello", "I am here"]);
  const { payload } = await agent.messages.list({ accountId, conversationId });
  assert.ok(payload.some((message) => message.content === "he pays late" && message.private));
  await agent.conversations.toggleStatus({ accountId, conversationId, data: { status: "resolved" } });
  await say("one more thing");
  const [now] = await visitor.conversations.list(customer);
  assert.deepEqual([now.id, now.status], [conversationId, "pending"]);
});

test("bots and inboxes are managed", async (t) => {
  const { admin, agent, bot, made, accountId, inboxId } = await desk(t);
  const bots = admin.accountAgentBots;
  assert.ok((await bots.list({ accountId })).some((one) => one.id === made.id));
  assert.equal((await bots.update({ accountId, id: made.id, data: { name: "Second" } })).name, "Second");
  assert.equal((await bots.get({ accountId, id: made.id })).name, "Second");
  assert.equal((await agent.accountAgentBots.get({ accountId, id: made.id })).access_token, undefined);
  assert.equal((await admin.inboxes.getAgentBot({ accountId, id: inboxId })).agent_bot.id, made.id);

  const data = { name: "Second site", channel: { type: "api" } };
  const inbox = await admin.inboxes.create({ accountId, data });
  assert.deepEqual([inbox.name, inbox.channel_type], ["Second site", "Channel::Api"]);
  assert.equal((await admin.inboxes.get({ accountId, id: inbox.id })).inbox_identifier, inbox.inbox_identifier);
  const listed = await admin.inboxes.list({ accountId });
  assert.deepEqual(listed.payload.map((one) => one.id).sort(), [inboxId, inbox.id].sort());
  const profile = await agent.profile.profile();
  assert.ok(profile.pubsub_token);
  await admin.inboxes.addAgent({ accountId, data: { inbox_id: inbox.id, user_ids: [profile.id] } });
  const members = await admin.inboxes.listAgents({ accountId, inboxId: inbox.id });
  assert.ok(members.payload.some((one) => one.id === profile.id));

  await bots.delete({ accountId, id: made.id });
  assert.deepEqual(await refusal(bots.get({ accountId, id: made.id })), {
    status: 404, body: { error: "Resource could not be found" },
  });
  assert.equal((await refusal(bot.conversations.get({ accountId, conversationId: 1 }))).status, 401);
});

test("refusals come as they are", async (t) => {
  const { bot, agent, client, accountId, conversationId } = await desk(t);
  assert.deepEqual(await refusal(bot.messages.list({ accountId, conversationId })), {
    status: 401, body: { error: "Access to this endpoint is not authorized for bots" },
  });
  assert.deepEqual(await refusal(client("Z".repeat(24)).accountAgentBots.list({ accountId })), {
    status: 401, body: { error: "Invalid Access Token" },
  });
  assert.deepEqual(await refusal(agent.accountAgentBots.create({ accountId, data: { name: "Mine" } })), {
    status: 401, body: { error: "You are not authorized to do this action" },
  });
});

test("conversations are found, labelled and given away", async (t) => {
  const { agent, bot, accountId, conversationId, say } = await desk(t);
  await say("hello");
  const list = await agent.conversations.list({ accountId, status: "pending", assigneeType: "all" });
  assert.deepEqual(list.data.payload.map((one) => one.id), [conversationId]);
  const { meta } = await agent.conversations.getMeta({ accountId, status: "pending" });
  assert.equal(meta.all_count, 1);
  const found = await agent.conversations.filter({
    accountId,
    payload: [{ attribute_key: "status", filter_operator: "equal_to", values: ["pending"], query_operator: null }],
  });
  assert.deepEqual(found.payload.map((one) => one.id), [conversationId]);
  const labels = { accountId, conversationId };
  assert.deepEqual((await bot.conversationLabels.add({ ...labels, data: { labels: ["vip"] } })).payload, ["vip"]);
  assert.deepEqual((await agent.conversationLabels.list(labels)).payload, ["vip"]);
  const { id } = await agent.profile.profile();
  const assigned = await agent.conversationAssignment.assign({ ...labels, data: { assignee_id: id } });
  assert.equal(assigned.id, id);
  const shown = await agent.conversations.get({ accountId, conversationId });
  assert.deepEqual([shown.status, shown.meta.assignee.id], ["open", id]);
});

test("contacts are kept", async (t) => {
  const { agent, accountId, inboxId } = await serve(t);
  const data = { name: "Bo", email: "bo@shop.example", phone_number: "+4930123456", identifier: "crm-7",
    inbox_id: inboxId };
  const { payload } = await agent.contacts.create({ accountId, data });
  const id = payload.contact.id;
  assert.equal(payload.contact_inbox.inbox.id, inboxId);
  assert.equal((await agent.contacts.get({ accountId, id })).payload.email, "bo@shop.example");
  await agent.contacts.update({ accountId, id, data: { name: "Bo B." } });
  const found = await agent.contacts.search({ accountId, q: "bo@shop" });
  assert.deepEqual(found.payload.map((one) => [one.id, one.name]), [[id, "Bo B."]]);
  assert.deepEqual(await refusal(agent.contacts.create({ accountId, data: { name: "Twin", email: data.email } })), {
    status: 422, body: { message: "Email has already been taken", attributes: ["email"] },
  });
  const source = payload.contact_inbox.source_id;
  const made = await agent.conversations.create({
    accountId, data: { source_id: source, inbox_id: inboxId, contact_id: id, message: { content: "we call you" } },
  });
  assert.equal((await agent.contacts.listConversations({ accountId, id })).payload[0].id, made.id);
});

test("the platform makes bots for everybody", async (t) => {
  const { platform, agent, accountId, client, inboxIdentifier, visitor } = await serve(t);
  const bot = await platform.platform.agentBots.create({ data: { name: "House", outgoing_url: "" } });
  assert.equal(bot.account_id, null);
  assert.deepEqual((await platform.platform.agentBots.list()).map((one) => one.id), [bot.id]);
  assert.ok((await agent.accountAgentBots.list({ accountId })).some((one) => one.id === bot.id && one.system_bot));
  const contact = await visitor.contacts.create({ inboxIdentifier, data: { name: "Ana" } });
  const { id } = await visitor.conversations.create({ inboxIdentifier, contactIdentifier: contact.source_id });
  const sent = await client(bot.access_token).messages.create({
    accountId, conversationId: id, data: { content: "from above" },
  });
  assert.equal(sent.sender.id, bot.id);
  await platform.platform.agentBots.delete({ id: bot.id });
  assert.deepEqual(await platform.platform.agentBots.list(), []);
});
