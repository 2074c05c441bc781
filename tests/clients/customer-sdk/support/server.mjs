// The real server as a child process, and what a story needs of it over HTTP.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { within } from "./wait.mjs";

const BINARY = process.env.SWITCHBOARD_BIN;

/** From spawn to the one line on standard output. */
const START_DEADLINE = 60_000;

/** A running `switchboard demo --json` on a fresh directory. */
export class Server {
  #child;
  #ending;
  #logs = [];

  static async start() {
    assert.ok(BINARY, "SWITCHBOARD_BIN should name the server: use tests/clients/run");
    const server = new Server();
    server.dir = await mkdtemp(join(tmpdir(), "switchboard-clients-"));
    await server.#spawn(0);
    return server;
  }

  async #spawn(port) {
    const log = join(this.dir, `stderr-${this.#logs.length}.log`);
    this.#logs.push(log);
    const stderr = await open(log, "w");
    const args = ["demo", "--json", "--listen", `127.0.0.1:${port}`, "--tls-listen", "127.0.0.1:0"];
    this.#child = spawn(BINARY, [...args, "--data-dir", join(this.dir, "data")], {
      stdio: ["ignore", "pipe", stderr.fd],
      env: { ...process.env, NO_COLOR: "1", RUST_LOG: "" },
    });
    await stderr.close();
    const lines = createInterface({ input: this.#child.stdout });
    const gone = once(this.#child, "exit").then(async ([code]) => {
      throw new Error(`the server ended at its start with ${code}: ${await readFile(log, "utf8")}`);
    });
    const [line] = await within(Promise.race([once(lines, "line"), gone]), "the line at start", START_DEADLINE);
    gone.catch(() => {});
    this.ready = JSON.parse(line);
    this.http = this.ready.http;
    this.license = this.ready.license_id;
  }

  /** Ends it as a crash would, and starts it again on the same directory and port. */
  async crash() {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await within(ended, "the end of the killed server");
    await this.#spawn(new URL(this.http).port);
  }

  /** Asks it to end well, without waiting for it. */
  drain() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#ending ??= once(this.#child, "exit");
    this.#child.kill("SIGTERM");
  }

  /** Drains it; fails when it did not end well or left an error in its log. */
  async stop() {
    if (!this.#ending) this.drain();
    if (this.#ending) {
      const [code] = await within(this.#ending, "the end of the server").finally(() => this.#child.kill("SIGKILL"));
      assert.equal(code, 0, "SIGTERM should end it well");
    }
    const texts = await Promise.all(this.#logs.map((log) => readFile(log, "utf8")));
    await rm(this.dir, { recursive: true });
    const scars = texts.join("").split("\n").filter((line) => /\bERROR\b|panicked at/.test(line));
    assert.deepEqual(scars, [], "the server logged errors");
  }

  /** A call of a Web API as the first demo agent; `author` is the bot that acts. */
  async call(api, action, payload, author) {
    const body = author ? { payload, author_id: author } : { payload };
    return this.post(`/v3.0/${api}/action/${action}`, this.ready.agents[0].token, body);
  }

  /** Posts JSON with a bearer token, and gives the answer, which must be a success. */
  async post(path, token, body) {
    const response = await fetch(this.http + path, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    assert.ok(response.ok, `${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** A customer's token; of a new customer unless an id is given. */
  customerToken(customer) {
    const body = {
      client_id: this.ready.client_id,
      response_type: "token",
      redirect_uri: "https://shop.example/",
      ...(customer ? { customer_id: customer } : {}),
    };
    return this.post("/customer/", this.ready.agents[0].token, body);
  }
}
