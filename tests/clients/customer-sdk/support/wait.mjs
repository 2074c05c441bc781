// Waiting for things, with a deadline; nothing sleeps and hopes.

/** How long anything may take that should happen at once; generous, because test machines are busy. */
export const DEADLINE = 15_000;

/** The promise's value; rejects when it takes too long, saying what was waited for. */
export function within(promise, what, deadline = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${deadline} ms for ${text(what)}`)), deadline);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Everything that arrived, in order; each entry can be taken once. */
export class Seen {
  #entries = [];
  #waiting = [];

  add(value) {
    this.#entries.push({ value, taken: false });
    for (const look of [...this.#waiting]) look();
  }

  /** All that arrived until now, taken or not. */
  all() {
    return this.#entries.map((entry) => entry.value);
  }

  /** Waits for the first entry that fits and that nobody took, and takes it. */
  take(what, fits) {
    const find = () => {
      const entry = this.#entries.find((each) => !each.taken && fits(each.value));
      if (entry) entry.taken = true;
      return entry;
    };
    let look;
    const found = new Promise((resolve, reject) => {
      look = () => {
        try {
          const entry = find();
          if (entry) resolve(entry.value);
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push(look);
      look();
    });
    const describe = () => `${what}; seen until now: ${JSON.stringify(this.all().slice(-20), null, 1)}`;
    return within(found, describe).finally(() => this.#waiting.splice(this.#waiting.indexOf(look), 1));
  }
}

function text(what) {
  return typeof what === "function" ? what() : what;
}
