"""The real server, an HTTP client without opinions, a webhook receiver, and the people of a story."""

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
# Generous, because test machines are busy; nothing takes that long.
DEADLINE_SECONDS = 20
START_SECONDS = 60


def wait(what, seen):
    """Waits until `seen()` is true, and gives what it gave; `what` may be a function, asked when it is late."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (value := seen()):
        if time.monotonic() > end:
            raise AssertionError(f"waited for {what() if callable(what) else what}")
        time.sleep(0.02)
    return value


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def ok(self):
        """The JSON of a success, or its empty body as None."""
        assert self.status == 200, f"200 expected: {self}"
        return json.loads(self.body) if self.body else None

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


class Server:
    """A running `switchboard demo --json` on a directory of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="switchboard-chatwoot-")
        self.log = Path(self.folder.name) / "stderr.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [os.environ["SWITCHBOARD_BIN"], "demo", "--json", "--listen", "127.0.0.1:0",
                 "--tls-listen", "127.0.0.1:0", "--data-dir", str(Path(self.folder.name) / "data")],
                stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "NO_COLOR": "1", "RUST_LOG": ""})
        late = threading.Timer(START_SECONDS, self.process.kill)
        late.start()
        line = self.process.stdout.readline()
        late.cancel()
        if not line:
            raise AssertionError(f"the server ended at its start: {self.log.read_text()}")
        self.ready = json.loads(line)
        self.http = self.ready["http"]
        known = self.ready["chatwoot"]
        self.account, self.inbox, self.inbox_key = (
            known["account_id"], known["inbox_id"], known["inbox_identifier"])
        self.admin, self.agent, self.platform = (known[f"{name}_token"] for name in ("admin", "agent", "platform"))

    def stop(self):
        """Drains it; fails when it does not end well or complained."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(DEADLINE_SECONDS)
        finally:
            self.process.kill()
            self.process.stdout.close()
        log = self.log.read_text()
        self.folder.cleanup()
        assert code == 0, f"SIGTERM should end it well, not with {code}: {log[-2000:]}"
        scars = [line for line in log.splitlines() if re.search(r"\bERROR\b|panicked at", line)]
        assert not scars, f"the server logged errors: {scars}"

    def connect(self):
        return http.client.HTTPConnection(self.http.split("://")[1], timeout=DEADLINE_SECONDS)

    def send(self, method, path, body=None, headers=None, connection=None, chunked=False):
        """One request as it is told. Bytes go out as they are; anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        own = connection or self.connect()
        try:
            own.request(method, path, body, headers, encode_chunked=chunked)
            response = own.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if connection is None:
                own.close()

    def call(self, token, method, path, body=None):
        """A call to the account's API."""
        headers = {"api_access_token": token} if token else {}
        return self.send(method, f"/api/v1/accounts/{self.account}{path}", body, headers)

    def ask_platform(self, method, path, body=None, token=None):
        return self.send(method, f"/platform/api/v1{path}", body, {"api_access_token": token or self.platform})


class Delivery:
    """A webhook as it arrived."""

    def __init__(self, path, headers, raw):
        self.path, self.headers, self.raw = path, headers, raw
        self.body = json.loads(raw)

    @property
    def event(self):
        return self.body["event"]

    def signed_with(self, secret):
        signed = self.headers["X-Chatwoot-Timestamp"].encode() + b"." + self.raw
        wanted = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return self.headers["X-Chatwoot-Signature"] == wanted


class Hook:
    """Receives webhooks, in order; answers 200, or first what `answers` holds."""

    def __init__(self):
        self.heard, self.answers = [], []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                hook.heard.append(Delivery(self.path, self.headers, raw))
                self.send_response(hook.answers.pop(0) if hook.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, event, fits=lambda body: True, since=0):
        """The first webhook of that event that fits, after the first `since` ones."""
        find = lambda: next((one for one in self.heard[since:] if one.event == event and fits(one.body)), None)
        return wait(lambda: f"{event}; heard {[(one.event, one.body.get('content')) for one in self.heard]}", find)

    def wait_count(self, count):
        wait(lambda: f"{count} webhooks; heard {[one.event for one in self.heard]}",
             lambda: len(self.heard) >= count)

    def events(self, since=0):
        return [one.event for one in self.heard[since:]]


class Customer:
    """A contact of an API inbox, who knows the public API only."""

    def __init__(self, server, inbox_key, **about):
        self.server, self.base = server, f"/public/api/v1/inboxes/{inbox_key}/contacts"
        self.contact = server.send("POST", self.base, {"name": "Ana", **about}).ok()
        self.base += f"/{self.contact['source_id']}/conversations"

    def begin(self, **body):
        self.conversation = self.server.send("POST", self.base, body).ok()
        self.id = self.conversation["id"]
        return self

    def ask(self, method, path="", body=None):
        return self.server.send(method, f"{self.base}/{self.id}{path}", body)

    def say(self, text, **more):
        return self.ask("POST", "/messages", {"content": text, **more}).ok()

    def messages(self):
        return self.ask("GET", "/messages").ok()

    def reads(self):
        return [message["content"] for message in self.messages()]

    def status(self):
        return self.ask("GET").ok()["status"]


class Story(unittest.TestCase):
    """Tests that share a server; each makes its own inbox, bot and hook."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def admin(self, method, path, body=None):
        return self.server.call(self.server.admin, method, path, body)

    def agent(self, method, path, body=None):
        return self.server.call(self.server.agent, method, path, body)

    def inbox(self, **more):
        body = {"name": f"Inbox {uuid.uuid4().hex[:8]}", "channel": {"type": "api"}, **more}
        inbox = self.admin("POST", "/inboxes", body).ok()
        # Whoever answers there is one of its people.
        me = self.server.send("GET", "/api/v1/profile", headers={"api_access_token": self.server.agent}).ok()
        self.admin("POST", "/inbox_members", {"inbox_id": inbox["id"], "user_ids": [me["id"]]}).ok()
        return inbox

    def bot(self, **more):
        return self.admin("POST", "/agent_bots", {"name": "Triage", "bot_config": {}, **more}).ok()

    def hook(self):
        hook = Hook()
        self.addCleanup(hook.close)
        return hook

    def connect(self, bot, inbox):
        return self.admin("POST", f"/agent_bots/{bot['id']}/agent_bot_inboxes", {"inbox_id": inbox["id"]}).ok()

    def stage(self, config=None, inbox=None):
        """An inbox with a bot that hears, and a customer with a conversation."""
        self.heard = self.hook()
        self.desk = inbox or self.inbox()
        self.triage = self.bot(outgoing_url=self.heard.url, bot_config=config or {})
        self.connect(self.triage, self.desk)
        return Customer(self.server, self.desk["inbox_identifier"]).begin()

    def as_bot(self, method, path, body=None):
        return self.server.call(self.triage["access_token"], method, path, body)

    def assert_has(self, wanted, got, where=""):
        """`got` has at least what `wanted` has, at every depth."""
        for key, value in wanted.items():
            self.assertIn(key, got, f"{where}: {got}")
            if isinstance(value, dict) and value:
                self.assert_has(value, got[key], f"{where}.{key}")
            else:
                self.assertEqual(got[key], value, f"{where}.{key}")

    def assert_refused(self, answer, status, body, what=""):
        self.assertEqual(answer.status, status, f"{what}: {answer}")
        self.assertEqual(answer.json, body, what)
