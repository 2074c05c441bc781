#!/usr/bin/env python3
"""A client that loses nothing: it goes on where it stood, and sends each line once.

It logs in over RTM, prints every message of its chats, and sends what is typed to one of them. When
its connection breaks it comes back by itself, is sent exactly what it missed, and sends again what
was not answered, under the same key, so that nothing is said twice. What it knows is kept in a file:
it may be killed and started again, too.

    pip install "websockets>=13,<17"
    python3 examples/resume.py --server http://127.0.0.1:8080 --token TOKEN [--license 100000001 for a customer's]
"""

import argparse
import json
import os
import queue
import sys
import threading
import time
import uuid
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PING_SECONDS = 15
LONGEST_PAUSE_SECONDS = 10


class Refused(Exception):
    """The server does not want this client: to come back would not help."""


class Memory:
    """What the client knows of the past, in a file: its place in each chat, and what it has to send."""

    def __init__(self, path):
        self.path = path
        known = json.loads(path.read_text()) if path and path.exists() else {}
        self.places = known.get("places", {})
        self.unsent = known.get("unsent", [])

    def save(self):
        if self.path:
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps({"places": self.places, "unsent": self.unsent}))
            os.replace(new, self.path)


class Client:
    def __init__(self, server, token, license_id, chat, memory):
        side = f"customer/rtm/ws?license_id={license_id}" if license_id else "agent/rtm/ws"
        self.url = server.rstrip("/").replace("http", "ws", 1) + f"/v3.0/{side}"
        self.token, self.chat, self.memory = token, chat, memory
        self.lines = queue.Queue()
        self.socket = None
        self.requests = {}

    def run(self):
        """Connects for ever; returns when everything that was typed is sent and nothing more comes."""
        pause = 0.1
        while True:
            try:
                with connect(self.url, open_timeout=10, ping_interval=None) as self.socket:
                    self.log_in()
                    pause = 0.1
                    if self.talk():
                        return
            except (OSError, WebSocketException) as lost:
                print(f"* lost: {lost}", file=sys.stderr, flush=True)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def log_in(self):
        self.requests.clear()
        stands = [{"chat_id": chat, "seq": seq} for chat, seq in self.memory.places.items()]
        # A login may name 200 chats; those heard of last are the ones that go on.
        self.ask("login", {"token": self.token, "reconnect": True, "resume": {"chats": stands[-200:]}})

    def talk(self):
        """Until the connection breaks, or everything is done: then True."""
        logged_in, done, heard_at = False, False, time.monotonic()
        while True:
            try:
                frame = json.loads(self.socket.recv(timeout=0.05))
                if frame["type"] == "push":
                    self.heard(frame)
                elif self.requests.get(frame["request_id"]) == "login":
                    self.welcomed(frame)
                    logged_in = True
                else:
                    self.answered(frame)
            except TimeoutError:
                pass
            if time.monotonic() - heard_at > PING_SECONDS:
                heard_at = time.monotonic()
                self.ask("ping", {})
            while logged_in and not self.lines.empty():
                line = self.lines.get()
                done = line is None
                if line:
                    self.say(line)
            if done and not self.memory.unsent:
                return True

    def welcomed(self, frame):
        if not frame["success"]:
            raise Refused(frame["payload"]["error"]["message"])
        for chat in frame["payload"]["resume"]["chats"]:
            if chat.get("recovered") is False:
                # Too much was missed: a real client reads the chat again by get_chat_threads.
                print(f"* {chat['chat_id']}: read it again", flush=True)
            # What follows is behind the place that we named; else we stand where the chat is now.
            if "seq" in chat and chat.get("recovered") is not True:
                self.memory.places[chat["chat_id"]] = chat["seq"]
        print("* here", file=sys.stderr, flush=True)
        for message in self.memory.unsent:
            self.send(message)

    def heard(self, frame):
        payload = frame["payload"]
        chat = payload.get("chat_id") or payload.get("chat", {}).get("id")
        event = payload.get("event", {})
        if frame["action"] == "incoming_event" and event.get("type") == "message":
            print(f"{chat} {event['author_id']}: {event['text']}", flush=True)
        if "seq" in frame:
            # The newest last, so that the oldest are left out first.
            self.memory.places.pop(chat, None)
            self.memory.places[chat] = frame["seq"]
            self.memory.save()

    def say(self, text):
        message = {"key": str(uuid.uuid4()), "chat_id": self.chat, "text": text}
        # Written down before it is sent: a key is worth something only when it outlives us.
        self.memory.unsent.append(message)
        self.memory.save()
        self.send(message)

    def send(self, message):
        event = {"type": "message", "text": message["text"]}
        payload = {"chat_id": message["chat_id"], "event": event}
        self.ask("send_event", payload, request_key=message["key"])

    def answered(self, frame):
        key = self.requests.pop(frame["request_id"], None)
        if not frame["success"]:
            error = frame["payload"]["error"]
            print(f"* {frame['action']}: {error['message']}", file=sys.stderr, flush=True)
            if error["type"] in ("internal", "request_timeout"):
                return  # Not our fault: it stays to be sent again.
        self.memory.unsent = [message for message in self.memory.unsent if message["key"] != key]
        self.memory.save()

    def ask(self, action, payload, **head):
        request_id = str(uuid.uuid4())
        self.requests[request_id] = head.get("request_key", action)
        frame = {"action": action, "request_id": request_id, "payload": payload, **head}
        self.socket.send(json.dumps(frame))


def read_lines(lines):
    for line in sys.stdin:
        lines.put(line.strip())
    lines.put(None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8080")
    parser.add_argument("--token", required=True, help="an agent's, or with --license a customer's")
    parser.add_argument("--license", help="the license of a customer")
    parser.add_argument("--chat", help="where to send what is typed; without it only listens")
    parser.add_argument("--memory", type=Path, help="a file that outlives the client")
    args = parser.parse_args()
    client = Client(args.server, args.token, args.license, args.chat, Memory(args.memory))
    if args.chat:
        threading.Thread(target=read_lines, args=(client.lines,), daemon=True).start()
    try:
        client.run()
    except Refused as why:
        sys.exit(f"refused: {why}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
