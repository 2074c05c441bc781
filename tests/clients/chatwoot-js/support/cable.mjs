// Rails' own client in Node: it is given a WebSocket and the events of a page, and is otherwise unchanged.

import WebSocket from "ws";

import { Seen } from "../../customer-sdk/support/wait.mjs";

// A page is never hidden here.
globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};
const { adapters, createConsumer } = await import("@rails/actioncable").then((it) => it.default ?? it);
adapters.WebSocket = WebSocket;

/** Somebody's connection to /cable. */
export class Cable {
  /** What the subscriptions received: `{ event, data }`. */
  received = new Seen();
  /** What became of the subscriptions: "connected", "disconnected", "rejected". */
  turns = new Seen();

  constructor(house) {
    this.consumer = createConsumer(`${house.server.http.replace("http", "ws")}/cable`);
    house.closing.push(this);
  }

  /** Subscribes, without waiting for an answer. */
  ask(params) {
    const turn = (name) => (more) => this.turns.add({ name, more });
    return this.consumer.subscriptions.create({ channel: "RoomChannel", ...params }, {
      connected: turn("connected"),
      disconnected: turn("disconnected"),
      rejected: turn("rejected"),
      received: (message) => this.received.add(message),
    });
  }

  async subscribe(params) {
    const subscription = this.ask(params);
    await this.turn("connected");
    return subscription;
  }

  turn(name) {
    return this.turns.take(`the subscription to be ${name}`, (turn) => turn.name === name);
  }

  async take(event, fits = () => true) {
    return (await this.received.take(event, (one) => one.event === event && fits(one.data))).data;
  }

  all(event) {
    return this.received.all().filter((one) => one.event === event).map((one) => one.data);
  }

  close() {
    this.consumer.disconnect();
  }
}
