// A human agent over a plain WebSocket: no SDK, just the frames of the Agent API.

import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";

import { Seen, within } from "./wait.mjs";

export class Agent {
  #socket;
  #requests = 0;
  #frames = new Seen();

  /** A demo agent, logged in and accepting chats. */
  static async login(server, n = 0) {
    const agent = new Agent();
    const { id, token } = server.ready.agents[n];
    agent.id = id;
    agent.#socket = new WebSocket(`${server.http.replace("http", "ws")}/v3.0/agent/rtm/ws`);
    agent.#socket.on("message", (data) => agent.#frames.add(JSON.parse(data)));
    await within(once(agent.#socket, "open"), "an agent's socket");
    await agent.call("login", { token: `Bearer ${token}` });
    return agent;
  }

  /** The payload of the answer, which must be a success. */
  async call(action, payload) {
    const request_id = String(++this.#requests);
    this.#socket.send(JSON.stringify({ request_id, action, payload }));
    const isAnswer = (frame) => frame.type === "response" && frame.request_id === request_id;
    const answer = await this.#frames.take(`the answer to ${action}`, isAnswer);
    assert.equal(answer.success, true, `${action}: ${JSON.stringify(answer)}`);
    return answer.payload;
  }

  /** Says something in a chat. */
  say(chat, text, more = {}) {
    return this.call("send_event", { chat_id: chat, event: { type: "message", text, ...more } });
  }

  /** Waits for a push, and gives its payload. */
  async push(name, fits = () => true) {
    const isIt = (frame) => frame.type === "push" && frame.action === name && fits(frame.payload);
    return (await this.#frames.take(`${name} for ${this.id}`, isIt)).payload;
  }

  /** Waits for a message with this text. */
  hears(text) {
    return this.push("incoming_event", (payload) => payload.event.text === text);
  }

  /** Ends the connection as a closed browser does. */
  close() {
    this.#socket.terminate();
  }
}
