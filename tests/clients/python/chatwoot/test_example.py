"""examples/chatwoot_bot.py as a person runs it, against the real server."""

import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import unittest
import uuid

from .house import DEADLINE_SECONDS, ROOT, Customer, Story, wait

EXAMPLE = str(ROOT / "examples" / "chatwoot_bot.py")


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def run(*arguments):
    """Runs it to its end; gives the code and what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATWOOT_")}
    done = subprocess.run([sys.executable, EXAMPLE, *arguments], env=clean, capture_output=True, text=True,
                          timeout=DEADLINE_SECONDS)
    return done.returncode, done.stdout + done.stderr


class Example(Story):
    def set_up_bot(self, url):
        inbox = self.inbox()
        code, said = run("--setup", "--server", self.server.http, "--token", self.server.admin,
                         "--inbox", str(inbox["id"]), "--url", url)
        self.assertEqual(code, 0, said)
        self.assertIn(f"connected it to inbox {inbox['id']}", said)
        known = dict(line.split(": ", 1) for line in said.splitlines() if line.startswith(("token: ", "secret: ")))
        return inbox, known["token"], known["secret"]

    def serve(self, port, token, secret):
        process = subprocess.Popen(
            [sys.executable, EXAMPLE, "--server", self.server.http, "--token", token, "--secret", secret,
             "--listen", f"127.0.0.1:{port}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        def end():
            process.terminate()
            said = process.communicate(timeout=DEADLINE_SECONDS)[0]
            self.assertEqual(process.returncode, 0, said)
            self.assertNotIn("could not answer", said)
            self.assertIn("stopping", said)

        self.addCleanup(end)
        self.assertIn("listening", process.stdout.readline())

    def start(self):
        port = free_port()
        inbox, token, secret = self.set_up_bot(f"http://127.0.0.1:{port}/")
        self.serve(port, token, secret)
        return Customer(self.server, inbox["inbox_identifier"]).begin(), port, secret

    def reads(self, customer, text, times=1):
        wait(lambda: f"{text!r} in {customer.reads()}",
             lambda: sum(text in line for line in customer.reads()) >= times)

    def test_it_answers_and_hands_off(self):
        customer, _, _ = self.start()
        customer.say("hello")
        self.reads(customer, "You wrote: hello.")
        customer.say("menu")
        self.reads(customer, "What is it about?")
        menu = customer.messages()[-1]
        self.assertEqual(menu["content_type"], "input_select")
        chosen = menu["content_attributes"]["items"][0]
        customer.ask("PATCH", f"/messages/{menu['id']}", {"submitted_values": [chosen]}).ok()
        self.reads(customer, "from 9 to 5")
        customer.say("card")
        self.reads(customer, "Have a look:")
        self.assertEqual(customer.messages()[-1]["content_type"], "cards")
        self.assertEqual(customer.status(), "pending")
        customer.say("I want a human")
        wait("the hand-off", lambda: customer.status() == "open")
        self.assertEqual(customer.reads()[-1], "I am asking somebody to help you.")

        # Quiet while people have it; with the next pending word it is heard again.
        customer.say("still there, bot?")
        path = f"/conversations/{customer.id}"
        self.agent("POST", f"{path}/messages", {"content": "I am"}).ok()
        self.agent("POST", f"{path}/toggle_status", {"status": "resolved"}).ok()
        customer.say("back again")
        self.reads(customer, "You wrote: back again.")
        self.assertEqual([line for line in customer.reads() if "still there" in line], ["still there, bot?"])

    def test_it_lets_in_what_is_genuine_once(self):
        customer, port, secret = self.start()

        def knock(body, delivery, key=secret, at=None):
            raw, stamp = json.dumps(body).encode(), str(int(at or time.time()))
            signature = hmac.new(key.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
            door = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
            door.request("POST", "/", raw, {
                "X-Chatwoot-Delivery": delivery, "X-Chatwoot-Timestamp": stamp,
                "X-Chatwoot-Signature": f"sha256={signature}", "Content-Type": "application/json"})
            status = door.getresponse().status
            door.close()
            return status

        told = lambda text, status="pending", **more: {
            "event": "message_created", "message": {"content": text, "message_type": 0, **more},
            "conversation": {"id": customer.id, "status": status}}
        twice = str(uuid.uuid4())
        self.assertEqual(knock(told("forged"), str(uuid.uuid4()), key="guessed"), 401)
        self.assertEqual(knock(told("old"), str(uuid.uuid4()), at=time.time() - 3600), 401)
        self.assertEqual([knock(told("twice"), twice) for _ in range(2)], [200, 200])
        for body in (told("open", "open"), told("noted", private=True), told("its own", message_type=1), {}):
            self.assertEqual(knock(body, str(uuid.uuid4())), 200)
        self.assertEqual(knock([], str(uuid.uuid4())), 400)
        self.assertEqual(knock(told("last"), str(uuid.uuid4())), 200)
        self.reads(customer, "You wrote: last.")
        answered = [line.split(".")[0] for line in customer.reads()]
        self.assertEqual(answered, ["You wrote: twice", "You wrote: last"])

    def test_its_errors_are_clear(self):
        url = "http://127.0.0.1:9/"
        ask = lambda *more: run("--setup", "--server", self.server.http, "--url", url, *more)
        code, said = ask("--inbox", "1", "--token", "Z" * 24)
        self.assertEqual(code, 1)
        self.assertIn("401", said)
        self.assertIn("is it the right token", said)
        before = self.admin("GET", "/agent_bots").ok()
        code, said = ask("--inbox", "987654321", "--token", self.server.admin)
        self.assertEqual(code, 1)
        self.assertIn("could not be connected to inbox 987654321", said)
        self.assertEqual(self.admin("GET", "/agent_bots").ok(), before, "it leaves no half of a bot")
        code, said = ask("--token", self.server.admin)
        self.assertEqual([code, "--setup needs --inbox and --url" in said], [2, True])
        code, said = run("--server", self.server.http)
        self.assertEqual([code, "a token is needed" in said], [2, True])
        code, said = run("--setup", "--server", f"http://127.0.0.1:{free_port()}", "--token", "T",
                         "--inbox", "1", "--url", url)
        self.assertEqual([code, "refused" in said], [1, True])
        self.assertNotIn("Traceback", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
