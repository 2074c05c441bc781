#!/usr/bin/env python3
"""A keyword bot for Switchboard, with nothing but Python's standard library.

It hears every customer's message by webhook. When one says "pizza" it joins the chat, tells the
agents (and only them) that the pizza is on the way, and leaves.

    python3 examples/pizzabot.py --server http://127.0.0.1:8080 --token AGENT_TOKEN
"""

import argparse
import hmac
import json
import queue
import secrets
import signal
import ssl
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY_BYTES = 1024 * 1024
MAX_WAITING = 1000
TIMEOUT_SECONDS = 15


class ApiError(Exception):
    """The server refused a call, or could not be reached."""


class Api:
    """The two web APIs that a bot needs."""

    def __init__(self, server, token, ca_file=None):
        self.server = server.rstrip("/")
        self.token = token
        self.tls = ssl.create_default_context(cafile=ca_file) if server.startswith("https") else None

    def configuration(self, action, payload):
        return self._post(f"/v3.0/configuration/action/{action}", {"payload": payload})

    def agent(self, action, payload, author_id):
        """Calls the agent API; `author_id` says that the bot does it, not the owner of the token."""
        return self._post(f"/v3.0/agent/action/{action}", {"payload": payload, "author_id": author_id})

    def _post(self, path, body):
        request = urllib.request.Request(
            self.server + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self.tls) as response:
                return json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            raise ApiError(f"{path}: {error.code} {error.read().decode(errors='replace')}") from error
        except (OSError, ValueError) as error:
            raise ApiError(f"{path}: {error}") from error


class PizzaBot:
    """Looks for the keyword in what customers write, and acts on it."""

    def __init__(self, api, keyword):
        self.api = api
        self.keyword = keyword.lower()
        self.id = None

    def create(self, webhook_url, secret_key):
        answer = self.api.configuration("create_bot_agent", {
            "name": "Pizza Bot",
            # Hears everything, is given no chats: it joins by itself.
            "status": "not accepting chats",
            "webhooks": {
                "url": webhook_url,
                "secret_key": secret_key,
                "actions": [
                    {"name": "incoming_event", "filters": {"author_type": "customer"}},
                    {"name": "incoming_chat_thread"},
                ],
            },
        })
        self.id = answer["bot_agent_id"]

    def remove(self):
        self.api.configuration("remove_bot_agent", {"bot_agent_id": self.id})

    def hear(self, webhook):
        """Handles one webhook."""
        data = webhook["data"]
        if webhook["action"] == "incoming_event":
            if self.wanted(data["event"]):
                self.deliver(data["chat_id"])
        elif webhook["action"] == "incoming_chat_thread":
            # A chat may begin with messages, and a returning customer's message opens a new thread:
            # such messages come with the thread and are not repeated as events.
            chat = data["chat"]
            customers = {user["id"] for user in chat.get("users", []) if user.get("type") == "customer"}
            events = chat.get("thread", {}).get("events", [])
            if any(self.wanted(event) and event.get("author_id") in customers for event in events):
                self.deliver(chat["id"])

    def wanted(self, event):
        """A message with the keyword, and not the bot's own."""
        return (
            event.get("type") == "message"
            and event.get("author_id") != self.id
            and self.keyword in event.get("text", "").lower()
        )

    def deliver(self, chat_id):
        itself = {"chat_id": chat_id, "user_id": self.id, "user_type": "agent"}
        note = {"type": "message", "text": "Pizza is on the way!", "recipients": "agents"}
        self.api.agent("add_user_to_chat", itself, author_id=self.id)
        try:
            self.api.agent("send_event", {"chat_id": chat_id, "event": note}, author_id=self.id)
        finally:
            self.api.agent("remove_user_from_chat", itself, author_id=self.id)
        say(f"told the agents of chat {chat_id}")


def webhook_server(address, secret_key, inbox):
    """An HTTP server that puts every genuine webhook into `inbox` and answers at once: the work takes
    calls to the server that waits for this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
                return self.answer(413 if length.isdecimal() else 411)
            try:
                webhook = json.loads(self.rfile.read(int(length)))
                given = webhook["secret_key"].encode()
            except (ValueError, TypeError, KeyError, AttributeError):
                return self.answer(400)
            if not hmac.compare_digest(given, secret_key.encode()):
                return self.answer(403)
            try:
                inbox.put_nowait(webhook)
            except queue.Full:
                return self.answer(503)  # The server will try again.
            return self.answer(200)

        def answer(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    return server


def remove(bot):
    try:
        bot.remove()
        say(f"bot {bot.id} is removed")
    except ApiError as error:
        say(f"bot {bot.id} stays: {error}")


def say(text):
    print(text, flush=True)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", required=True, metavar="URL", help="such as http://127.0.0.1:8080")
    parser.add_argument("--token", required=True, help="an agent's token that may manage bots")
    parser.add_argument("--listen", default="127.0.0.1:0", type=address, metavar="HOST:PORT",
                        help="where to hear webhooks; port 0 picks a free one")
    parser.add_argument("--keyword", default="pizza", help="the word to wait for")
    parser.add_argument("--ca", metavar="FILE", help="certificate to trust, for an https server of your own")
    return parser.parse_args()


def main():
    args = arguments()
    secret_key = secrets.token_urlsafe(24)
    inbox = queue.Queue(MAX_WAITING)

    server = webhook_server(args.listen, secret_key, inbox)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://{args.listen[0]}:{server.server_port}/"

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    bot = PizzaBot(Api(args.server, args.token, args.ca), args.keyword)
    try:
        bot.create(url, secret_key)
        say(f"bot {bot.id} listens on {url} for \"{args.keyword}\"")
        while True:
            webhook = inbox.get()
            try:
                bot.hear(webhook)
            except (ApiError, KeyError) as error:
                say(f"could not deliver: {error!r}")
    except KeyboardInterrupt:
        say("stopping")
    except ApiError as error:
        sys.exit(f"cannot start: {error}")
    finally:
        server.shutdown()
        if bot.id:
            remove(bot)


if __name__ == "__main__":
    main()
