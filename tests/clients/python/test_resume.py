"""examples/resume.py against the real server, which is killed without warning while both sides talk."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_SECONDS = 30


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


class Server:
    def __init__(self, folder):
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.data = Path(folder) / "data"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["SWITCHBOARD_BIN"], "demo", "--json", "--listen", self.address,
             "--tls-listen", f"127.0.0.1:{free_port()}", "--data-dir", str(self.data)],
            stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def call(self, path, token, body, **headers):
        headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
            return json.load(answer)


class Example:
    """The client as a person runs it; what it prints is read from a file."""

    def __init__(self, folder, name, server, token, *more):
        self.out, self.memory = Path(folder) / f"{name}.out", Path(folder) / f"{name}.json"
        with self.out.open("a") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "examples" / "resume.py"), "--server", server.url, "--token", token,
                 "--memory", str(self.memory), *more],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, text=True)

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def heard(self):
        return self.out.read_text().splitlines()

    def place(self):
        """Where its file says that it stands, when it says so yet."""
        return json.loads(self.memory.read_text())["places"] if self.memory.exists() else None

    def wait(self, what, seen):
        end = time.monotonic() + DEADLINE_SECONDS
        while not seen(self.heard()):
            if time.monotonic() > end:
                raise AssertionError(f"waited for {what}: {self.heard()}")
            time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class Resume(unittest.TestCase):
    def test_nothing_is_lost_or_said_twice(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(folder)
            self.addCleanup(server.kill)
            ready = server.ready
            agent, license_id = ready["agents"][0], str(ready["license_id"])
            customer = server.call("/customer/", agent["token"], {
                "client_id": ready["client_id"], "response_type": "token", "redirect_uri": "https://example.com/"})
            customers = f"/v3.0/customer/action/start_chat?license_id={license_id}"
            chat = server.call(customers, customer["access_token"], {"chat": {}, "continuous": True})["chat"]["id"]
            ann = Example(folder, "ann", server, agent["token"], "--chat", chat)
            mia = Example(folder, "mia", server, customer["access_token"], "--license", license_id, "--chat", chat)
            for client in (ann, mia):
                client.wait("the login", lambda lines: "* here" in lines)
            ends = lambda line: lambda lines: any(heard.endswith(line) for heard in lines)
            said = []
            for number in range(60):
                client, name = ((ann, "ann"), (mia, "mia"))[number % 2]
                client.type(f"{name} {number}")
                said.append(f"{name} {number}")
                if number % 20 == 10:
                    server.kill()
                    server.start()
                if number == 35:
                    # The client itself, too: its file says where it stood and what it had to send.
                    mia.wait("the last line", lambda lines: ends("mia 35")(lines) and mia.place() == ann.place())
                    mia.kill()
                    mia = Example(folder, "mia", server, customer["access_token"],
                                  "--license", license_id, "--chat", chat)
            for client in (ann, mia):
                client.wait("the last lines", lambda lines: all(ends(line)(lines) for line in said[-2:]))
                client.process.stdin.close()
                self.assertEqual(client.process.wait(DEADLINE_SECONDS), 0)
            threads = server.call("/v3.0/agent/action/get_chat_threads", agent["token"], {"chat_id": chat})
            events = [event for thread in threads["chat"]["threads"] for event in thread["events"]]
            history = [event["text"] for event in events if event.get("type") == "message"]
            self.assertEqual(sorted(history), sorted(said))
            for client in (ann, mia):
                lines = client.heard()
                self.assertEqual([line.split(": ", 1)[1] for line in lines if line.startswith(chat)], history)
                self.assertFalse([line for line in lines if "read it again" in line])
            for name in ("ann", "mia"):
                self.assertEqual([line for line in history if line.startswith(name)],
                                 [line for line in said if line.startswith(name)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
