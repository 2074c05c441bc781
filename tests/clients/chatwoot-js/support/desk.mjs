// A server with the SDK of each person, an inbox with a bot, and who hears what the bot is told.

import { createServer } from "node:http";
import { once } from "node:events";
import sdk from "@figuro/chatwoot-sdk";

import { Server } from "../../customer-sdk/support/server.mjs";
import { Seen } from "../../customer-sdk/support/wait.mjs";

const Client = sdk.default;

/** Receives webhooks; `heard` has their bodies. */
class Hook {
  heard = new Seen();

  static async open() {
    const hook = new Hook();
    hook.server = createServer(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      hook.heard.add(JSON.parse(Buffer.concat(parts).toString()));
      response.end();
    }).listen(0, "127.0.0.1");
    await once(hook.server, "listening");
    hook.url = `http://127.0.0.1:${hook.server.address().port}/`;
    return hook;
  }

  take(event, fits = () => true) {
    return this.heard.take(event, (body) => body.event === event && fits(body));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A server of the test's own, closed and looked at when the test ends. */
export async function serve(t) {
  const server = await Server.start();
  const closing = [];
  t.after(async () => {
    try {
      for (const one of closing) one.close();
    } finally {
      await server.stop();
    }
  });
  const known = server.ready.chatwoot;
  const client = (token) => new Client({ config: { basePath: server.http, token } });
  return {
    server,
    accountId: known.account_id,
    inboxIdentifier: known.inbox_identifier,
    inboxId: known.inbox_id,
    client,
    admin: client(known.admin_token),
    agent: client(known.agent_token),
    platform: client(known.platform_token),
    visitor: client(undefined).client,
    closing,
    async hook() {
      const hook = await Hook.open();
      closing.push(hook);
      return hook;
    },
  };
}

/** The same with a bot on the demo's inbox, and a customer in a conversation. */
export async function desk(t, fields = {}) {
  const house = await serve(t);
  const { admin, accountId, inboxId, inboxIdentifier, visitor } = house;
  const hook = await house.hook();
  const data = { name: "Triage", outgoing_url: hook.url, ...fields };
  const made = await admin.accountAgentBots.create({ accountId, data });
  await admin.inboxes.updateAgentBot({ accountId, id: inboxId, data: { agent_bot: made.id } });
  const contact = await visitor.contacts.create({ inboxIdentifier, data: { name: "Ana" } });
  const customer = { inboxIdentifier, contactIdentifier: contact.source_id };
  const conversation = await visitor.conversations.create(customer);
  const conversationId = conversation.id;
  return {
    ...house, hook, made, contact, conversation, conversationId,
    bot: house.client(made.access_token),
    /** What the customer says. */
    say: (content) => visitor.messages.create({ ...customer, conversationId, data: { content } }),
    reads: async () => (await visitor.messages.list({ ...customer, conversationId })).map((one) => one.content),
    customer: { ...customer, conversationId },
  };
}

/** The status and body that a call of the SDK must be refused with. */
export async function refusal(promise) {
  try {
    return { answered: await promise };
  } catch (error) {
    return { status: error.status, body: error.body };
  }
}
