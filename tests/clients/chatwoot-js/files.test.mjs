// The SDK sends files as a chunked form.

import assert from "node:assert/strict";
import test from "node:test";

import { desk } from "./support/desk.mjs";

test("files travel in chunks", async (t) => {
  const { bot, accountId, conversationId, visitor, customer, server } = await desk(t);
  const content = Buffer.from("%PDF-1.4 not really").toString("base64");
  const sent = await bot.messages.create({
    accountId,
    conversationId,
    data: { content: "the bill", attachments: [{ content, encoding: "base64", filename: "bill.pdf" }] },
  });
  assert.equal(sent.attachments.length, 1);
  const [message] = await visitor.messages.list(customer);
  const url = new URL(message.attachments[0].data_url, server.http);
  const file = await fetch(server.http + url.pathname + url.search);
  assert.equal(await file.text(), "%PDF-1.4 not really");
});
