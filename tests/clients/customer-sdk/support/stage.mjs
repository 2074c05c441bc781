// What most stories begin with: a server, an agent who takes chats, a customer on a page.

import { Agent } from "./agent.mjs";
import { Browser } from "./page.mjs";
import { Server } from "./server.mjs";

/** A server of the test's own; whatever was opened on it is closed and looked at when the test ends. */
export async function serve(t) {
  const server = await Server.start();
  const agents = [];
  const browsers = [];
  t.after(async () => {
    try {
      for (const agent of agents) agent.close();
      for (const browser of browsers) browser.close();
    } finally {
      await server.stop();
    }
  });
  return {
    server,
    /** A demo agent, logged in and accepting chats. */
    async agent(n = 0) {
      const agent = await Agent.login(server, n);
      agents.push(agent);
      return agent;
    },
    browser() {
      const browser = new Browser(server);
      browsers.push(browser);
      return browser;
    },
  };
}

/** The same with an agent and a connected page; `config` is what the SDK is told. */
export async function stage(t, config) {
  const house = await serve(t);
  const agent = await house.agent();
  const browser = house.browser();
  const page = browser.open(config);
  const connected = await page.event("connected");
  return { ...house, house, agent, browser, page, sdk: page.sdk, connected };
}

/** A stage with a chat, begun by the customer with one message. */
export async function talk(t, config) {
  const all = await stage(t, config);
  const chat = await all.sdk.startChat({ events: [{ type: "message", text: "hello" }] });
  return { ...all, chat: chat.id, thread: chat.thread, started: chat };
}

/** The code of the error that a promise of the SDK must be rejected with. */
export async function code(promise) {
  try {
    const value = await promise;
    return `resolved with ${JSON.stringify(value)}`;
  } catch (error) {
    return error.code;
  }
}
