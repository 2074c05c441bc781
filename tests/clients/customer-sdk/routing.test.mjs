// Who is there, and who comes next.

import assert from "node:assert/strict";
import test from "node:test";

import { plain } from "./support/page.mjs";
import { code, stage, talk } from "./support/stage.mjs";

test("asks which groups are there, and who would answer", async (t) => {
  const { sdk, agent } = await stage(t);
  const all = plain(await sdk.getGroupsStatus());
  assert.deepEqual(all["0"], "online");
  assert.deepEqual(Object.keys(plain(await sdk.getGroupsStatus([0, 99]))), ["0"], "unknown ones are left out");
  const { agent: predicted } = plain(await sdk.getPredictedAgent());
  assert.deepEqual([predicted.id, predicted.name, predicted.is_bot], [agent.id, "Agent One", false]);
  await agent.call("update_agent", { routing_status: "not_accepting_chats" });
  assert.equal(plain(await sdk.getGroupsStatus([0]))["0"], "offline");
  assert.equal(await code(sdk.getPredictedAgent()), "GROUP_OFFLINE");
});

test("a chat is transferred, and the customer meets the next agent", async (t) => {
  const { house, page, agent, chat } = await talk(t);
  const colleague = await house.agent(1);
  await agent.call("transfer_chat", { chat_id: chat, target: { type: "agent", ids: [colleague.id] } });
  await page.event("user_joined_chat", ({ user }) => user === colleague.id);
  assert.deepEqual(await page.event("user_left_chat"), { chat, user: agent.id });
  await page.event("chat_transferred", ({ chat_id }) => chat_id === chat);
  await colleague.say(chat, "I am the next one");
  await page.event("new_event", ({ event }) => event.text === "I am the next one");
});
