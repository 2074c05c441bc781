#!/usr/bin/env python3
"""A Chatwoot agent bot with hand-off, with nothing but Python's standard library.

It answers customers while their conversation is pending, and gives it to people when somebody asks
for a "human". Once, with an administrator's token, to create the bot and to connect it to an inbox:

    python3 examples/chatwoot_bot.py --setup --server http://127.0.0.1:8080 --token ADMIN_TOKEN \\
        --inbox 1 --url http://127.0.0.1:9000/

That prints the bot's own token and the secret of its webhooks. Then, to serve:

    python3 examples/chatwoot_bot.py --server http://127.0.0.1:8080 --token BOT_TOKEN \\
        --secret SECRET --listen 127.0.0.1:9000
"""

import argparse
import collections
import hashlib
import hmac
import http.client
import json
import os
import queue
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_WAITING = 1000
# Enough to know every repeat: the sender tries for seconds.
MAX_REMEMBERED = 10_000
# A signature older than this may be a copy that somebody plays back.
MAX_AGE_SECONDS = 300
TIMEOUT_SECONDS = 15
INCOMING = ("incoming", 0)

CHOICES = [{"title": "Opening hours", "value": "hours"}, {"title": "A person, please", "value": "human"}]
CARD = {
    "title": "The shop",
    "description": "All we have, on one page",
    "media_url": "https://example.com/shop.png",
    "actions": [
        {"type": "link", "text": "Look around", "uri": "https://example.com/shop"},
        {"type": "postback", "text": "Opening hours", "payload": "hours"},
    ],
}


class ApiError(Exception):
    """The server refused a call, or could not be reached."""


class Api:
    """The calls of an account's API, with one token."""

    def __init__(self, server, account, token):
        self.prefix = f"{server.rstrip('/')}/api/v1/accounts/{account}"
        self.token = token

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.prefix + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"api_access_token": self.token, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            hint = " (is it the right token, or was it reset?)" if error.code == 401 else ""
            raise ApiError(f"{method} {path}: {error.code} {text}{hint}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(f"{method} {path}: {error}") from error


class Bot:
    """What the bot does with one webhook."""

    def __init__(self, api):
        self.api = api

    def hear(self, webhook):
        conversation = webhook.get("conversation") or {}
        if conversation.get("status") != "pending":
            return  # People have it, or it is over: not the bot's turn.
        # The product puts the message at the top level, its guide into `message`.
        message = webhook if "content" in webhook else webhook.get("message") or {}
        if webhook.get("event") == "message_created":
            # Never its own messages, never notes.
            if message.get("message_type") in INCOMING and not message.get("private"):
                self.answer(conversation["id"], message.get("content") or "")
        elif webhook.get("event") == "message_updated":
            # The customer chose from a menu: the message that comes back is the menu.
            chosen = (message.get("content_attributes") or {}).get("submitted_values") or []
            if chosen and "value" in chosen[0]:
                self.answer(conversation["id"], chosen[0]["value"])

    def answer(self, conversation, text):
        # The webhook shows how things were then; an agent may have taken the conversation since.
        if self.api.call("GET", f"/conversations/{conversation}")["status"] != "pending":
            return
        words = text.lower().split()
        if "human" in words:
            self.hand_off(conversation)
        elif "menu" in words:
            self.say(conversation, "What is it about?", "input_select", {"items": CHOICES})
        elif "card" in words:
            self.say(conversation, "Have a look:", "cards", {"items": [CARD]})
        elif "hours" in words:
            self.say(conversation, "We are here from 9 to 5.")
        else:
            self.say(conversation, f"You wrote: {text}. Try \"menu\", \"card\" or \"human\".")

    def say(self, conversation, text, content_type="text", attributes=None):
        body = {"content": text, "message_type": "outgoing", "content_type": content_type}
        if attributes:
            body["content_attributes"] = attributes
        self.api.call("POST", f"/conversations/{conversation}/messages", body)
        say(f"conversation {conversation}: answered with {content_type}")

    def hand_off(self, conversation):
        try:
            self.say(conversation, "I am asking somebody to help you.")
        finally:
            # Even when nothing could be said: the customer waits for a person now.
            self.api.call("POST", f"/conversations/{conversation}/toggle_status", {"status": "open"})
        say(f"conversation {conversation}: handed off")


class Door:
    """Lets genuine webhooks in, each once."""

    def __init__(self, secret):
        self.secret = secret
        self.inbox = queue.Queue(MAX_WAITING)
        self.seen = collections.OrderedDict()
        self.lock = threading.Lock()

    def knock(self, headers, body):
        """Gives the status to answer with. The work is done later: the sender waits for five seconds only."""
        if self.secret and not self.genuine(headers, body):
            return 401
        try:
            webhook = json.loads(body)
        except ValueError:
            return 400
        if not isinstance(webhook, dict):
            return 400
        delivery = headers.get("X-Chatwoot-Delivery")
        with self.lock:
            if delivery and delivery in self.seen:
                return 200
            try:
                self.inbox.put_nowait(webhook)
            except queue.Full:
                return 500  # The sender tries again.
            if delivery:
                self.seen[delivery] = True
                if len(self.seen) > MAX_REMEMBERED:
                    self.seen.popitem(last=False)
        return 200

    def genuine(self, headers, body):
        timestamp = headers.get("X-Chatwoot-Timestamp", "")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > MAX_AGE_SECONDS:
            return False
        signed = hmac.new(self.secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        given = headers.get("X-Chatwoot-Signature", "")
        return hmac.compare_digest(given.encode(), f"sha256={signed}".encode())


def webhook_server(address, door):
    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_SECONDS

        def do_POST(self):
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
                self.close_connection = True  # The body stays unread.
                return self.answer(413 if length.isdecimal() else 411)
            return self.answer(door.knock(self.headers, self.rfile.read(int(length))))

        def answer(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    return server


def setup(args):
    """Creates the bot, connects it, and says what came of it."""
    api = Api(args.server, args.account, args.token)
    bot = api.call("POST", "/agent_bots", {
        "name": args.name,
        "description": "Answers first, and calls a person when asked to",
        "outgoing_url": args.url,
        # It does nothing with other events.
        "bot_config": {"events": ["message_created", "message_updated"]},
    })
    say(f"created bot {bot['id']} ({bot['name']}), which hears at {args.url}")
    try:
        api.call("POST", f"/inboxes/{args.inbox}/set_agent_bot", {"agent_bot": bot["id"]})
    except ApiError:
        api.call("DELETE", f"/agent_bots/{bot['id']}")
        say(f"removed bot {bot['id']} again: it could not be connected to inbox {args.inbox}")
        raise
    say(f"connected it to inbox {args.inbox}: new conversations there are its own first")
    say(f"token: {bot['access_token']}")
    say(f"secret: {bot.get('secret') or '(this server signs nothing)'}")


def serve(args):
    door = Door(args.secret)
    try:
        server = webhook_server(args.listen, door)
    except OSError as error:
        sys.exit(f"cannot listen on {args.listen[0]}:{args.listen[1]}: {error}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if not args.secret:
        say("no --secret: anybody who finds the address can send webhooks")
    say(f"listening on http://{args.listen[0]}:{server.server_port}/")
    bot = Bot(Api(args.server, args.account, args.token))
    try:
        while True:
            webhook = door.inbox.get()
            try:
                bot.hear(webhook)
            except (ApiError, KeyError, TypeError, AttributeError) as error:
                say(f"could not answer: {error!r}")
    finally:
        server.shutdown()


def say(text):
    print(text, flush=True)


def address(text):
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", required=True, metavar="URL", help="such as http://127.0.0.1:8080")
    parser.add_argument("--account", default=1, type=int, metavar="ID")
    parser.add_argument("--token", default=os.environ.get("CHATWOOT_TOKEN"),
                        help="the bot's, or with --setup an administrator's; or in CHATWOOT_TOKEN")
    parser.add_argument("--secret", default=os.environ.get("CHATWOOT_SECRET"),
                        help="with it, webhooks must be signed; or in CHATWOOT_SECRET")
    parser.add_argument("--listen", default="127.0.0.1:9000", type=address, metavar="HOST:PORT",
                        help="where to hear webhooks; port 0 picks a free one")
    parser.add_argument("--setup", action="store_true", help="create and connect the bot, and stop")
    parser.add_argument("--inbox", type=int, metavar="ID", help="with --setup: the inbox to serve")
    parser.add_argument("--url", help="with --setup: where the server reaches this bot")
    parser.add_argument("--name", default="First answer", help="with --setup: the bot's name")
    args = parser.parse_args()
    if not args.token:
        parser.error("a token is needed: --token, or CHATWOOT_TOKEN in the environment")
    if args.setup and (args.inbox is None or not args.url):
        parser.error("--setup needs --inbox and --url")
    return args


def main():
    args = arguments()

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        setup(args) if args.setup else serve(args)
    except KeyboardInterrupt:
        say("stopping")
    except ApiError as error:
        sys.exit(f"the server refused: {error}")


if __name__ == "__main__":
    main()
