// A web page as the published bundle expects one: the file of the package runs unchanged, with its own SockJS, in a
// context of its own. What a page gets from its browser and from LiveChat's hosts stands here:
//
// - the accounts host, which gives tokens to a hidden iframe, asks our `POST /customer/` for them and knows the
//   customer again by a "cookie";
// - the SockJS address of the API host carries its frames over our WebSocket address, path and query as they came;
// - any other call to the API host goes to the same path of our server.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import vm from "node:vm";
import WebSocket from "ws";

import { Seen } from "./wait.mjs";

const API = "https://api.livechatinc.com";
const ACCOUNTS = "https://accounts.livechatinc.com";
const SOCKJS = "/v3.0/customer/rtm/sjs";
const SOCKET = "/v3.0/customer/rtm/ws";

const manifest = createRequire(import.meta.url).resolve("@livechat/customer-sdk/package.json");
const bundle = join(dirname(manifest), "dist", "customer-sdk.js");
const script = new vm.Script(await readFile(bundle, "utf8"), { filename: bundle });

/** The browser of one customer: what lasts from page to page. */
export class Browser {
  constructor(server) {
    this.server = server;
    this.stored = new Map();
    this.pages = [];
    /** Complaints of the SDK on the console, and what the page's environment was asked and does not know. */
    this.complaints = [];
    /** Tokens given out, each with what the iframe asked. */
    this.tokens = [];
  }

  /** Opens a page with the SDK on it; `config` is what it is told beside license and application. */
  open(config = {}) {
    const page = new Page(this, config);
    this.pages.push(page);
    return page;
  }

  /** Closes every page; fails when something was complained about. */
  close() {
    for (const page of this.pages) page.close();
    assert.deepEqual(this.complaints, [], "the SDK complained");
  }

  /** The accounts host: a token for who opened the iframe. */
  async token(src) {
    const url = new URL(src);
    assert.equal(url.origin + url.pathname, `${ACCOUNTS}/customer`);
    const asked = Object.fromEntries(url.searchParams);
    assert.equal(asked.client_id, this.server.ready.client_id);
    assert.equal(asked.license_id, String(this.server.license));
    const token = await this.server.customerToken(this.cookie);
    this.cookie = token.entity_id;
    this.tokens.push({ asked, token });
    return { ...token, state: asked.state };
  }
}

/** One page of a browser. */
export class Page {
  #timers = new Set();
  #sockets = new Set();
  #closed = false;

  constructor(browser, config) {
    this.browser = browser;
    this.server = browser.server;
    /** Events that the SDK emitted: `{ name, data }`. */
    this.events = new Seen();
    /** What the server sent, frame by frame. */
    this.frames = new Seen();
    const context = vm.createContext(this.#globals());
    context.window = context;
    script.runInContext(context);
    const { license } = this.server;
    const identity = { license, clientId: this.server.ready.client_id };
    this.sdk = context.CustomerSDK.init({ ...identity, ...config });
    this.sdk.on("*", (name, data) => this.events.add({ name, data: plain(data) }));
  }

  /** Waits for an event of the SDK, and gives its data. */
  async event(name, fits = () => true) {
    const isIt = (event) => event.name === name && fits(event.data);
    return (await this.events.take(`the SDK's event ${name}`, isIt)).data;
  }

  /** The names of the events that the SDK emitted until now. */
  names() {
    return this.events.all().map((event) => event.name);
  }

  /** Loses the network, as a phone in a tunnel does. */
  cut() {
    for (const socket of this.#sockets) socket.cut();
  }

  /** Leaves the page. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.sdk.destroy();
    for (const timer of this.#timers) clearTimeout(timer);
    this.cut();
  }

  #globals() {
    const page = this;
    const { stored, complaints } = this.browser;
    const listeners = new Map();
    const complain = (...words) => complaints.push(words.map(String).join(" "));
    return {
      console: { log() {}, info() {}, debug() {}, warn: complain, error: complain },
      crypto: webcrypto,
      location: new URL("https://shop.example/cart"),
      navigator: { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0" },
      localStorage: {
        getItem: (key) => stored.get(key) ?? null,
        setItem: (key, value) => stored.set(key, String(value)),
        removeItem: (key) => stored.delete(key),
      },
      addEventListener: (name, listener) => listeners.set(listener, name),
      removeEventListener: (_, listener) => listeners.delete(listener),
      setTimeout: (run, wait, ...rest) => {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          run(...rest);
        }, wait);
        this.#timers.add(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        this.#timers.delete(timer);
        clearTimeout(timer);
      },
      document: {
        domain: "shop.example",
        createElement: (kind) => {
          assert.equal(kind, "iframe", "the SDK makes nothing else");
          return { style: {}, setAttribute: function (name, value) { this[name] = value; } };
        },
        body: {
          appendChild: (iframe) => {
            iframe.parentNode = { removeChild() {} };
            const tell = (data) => {
              const told = [...listeners].filter(([, name]) => name === "message");
              for (const [listener] of told) listener({ origin: ACCOUNTS, data });
            };
            this.browser.token(iframe.src).then(tell, complain);
          },
        },
      },
      XMLHttpRequest: class extends Request {
        constructor() {
          super(page.server, complain);
        }
      },
      WebSocket: class extends Carrier {
        constructor(address) {
          super(address, page.server, page.frames);
          page.#sockets.add(this);
        }
      },
    };
  }
}

/** As much of XMLHttpRequest as the bundle uses. */
class Request {
  #headers = {};

  constructor(server, complain) {
    this.server = server;
    this.complain = complain;
    this.readyState = 0;
    this.status = 0;
    this.responseText = "";
    this.withCredentials = false;
  }

  open(method, address) {
    this.method = method;
    this.url = new URL(address);
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getAllResponseHeaders() {
    return "";
  }

  abort() {
    this.aborted = true;
  }

  send(body) {
    this.#answer(body).then(
      ([status, text]) => this.#end(status, text),
      (error) => {
        this.complain(error);
        this.#end(0, "");
      },
    );
  }

  async #answer(body) {
    assert.equal(this.url.origin, API);
    if (this.url.pathname === `${SOCKJS}/info`) {
      return [200, JSON.stringify({ websocket: true, origins: ["*:*"], cookie_needed: false, entropy: 1 })];
    }
    const to = this.server.http + this.url.pathname + this.url.search;
    const answer = await fetch(to, { method: this.method, headers: this.#headers, body });
    return [answer.status, await answer.text()];
  }

  #end(status, text) {
    if (this.aborted) return;
    Object.assign(this, { status, responseText: text, response: text, readyState: 4 });
    this.onreadystatechange?.();
    this.onload?.();
  }
}

/**
 * The WebSocket that SockJS opens: its frames, carried over our socket.
 *
 * SockJS is told at once that it is open, and what it sends waits for the socket behind: how long a connection may
 * take is measured by SockJS against the first answer, which here never leaves the process.
 */
class Carrier {
  #socket;
  #unsent = [];

  constructor(address, server, frames) {
    const url = new URL(address);
    assert.equal(url.origin, API.replace("https", "wss"));
    assert.match(url.pathname, new RegExp(`^${SOCKJS}/[^/]+/[^/]+/websocket$`));
    this.#socket = new WebSocket(server.http.replace("http", "ws") + SOCKET + url.search);
    queueMicrotask(() => this.onmessage?.({ data: "o" }));
    this.#socket.on("open", () => this.#unsent.splice(0).forEach((text) => this.#socket.send(text)));
    this.#socket.on("message", (data) => {
      const text = data.toString();
      frames.add(JSON.parse(text));
      this.onmessage?.({ data: `a${JSON.stringify([text])}` });
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", (code, reason) => this.onclose?.({ code, reason: reason.toString() }));
  }

  send(data) {
    for (const text of JSON.parse(data)) {
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
      else this.#unsent.push(text);
    }
  }

  close() {
    this.#socket.close();
  }

  cut() {
    this.#socket.terminate();
  }
}

/** A value of a page as one of ours: other contexts have other prototypes. */
export function plain(value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
