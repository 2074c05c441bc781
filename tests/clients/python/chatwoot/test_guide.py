"""The guide's own lines by curl, and the guide's own bots: what they read is there."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from .house import DEADLINE_SECONDS, Customer, Story


class Guide(Story):
    @unittest.skipUnless(shutil.which("curl"), "curl is missing")
    def test_its_curl_lines(self):
        inbox = self.inbox()
        customer = Customer(self.server, inbox["inbox_identifier"])
        contact = self.server.http + customer.base.rsplit("/", 1)[0]
        told = subprocess.run(
            [Path(__file__).with_name("guide.sh")], capture_output=True, text=True, timeout=9 * DEADLINE_SECONDS,
            env={**os.environ, "SERVER": self.server.http, "ACCOUNT_ID": str(self.server.account),
                 "YOUR_ACCESS_TOKEN": self.server.admin, "INBOX_ID": str(inbox["id"]), "CONTACT": contact})
        self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
        answers = {name: (status, json.loads(body) if body else None) for name, status, body in
                   (line.split(" ", 2) for line in told.stdout.splitlines())}
        statuses = {name: status for name, (status, _) in answers.items()}
        self.assertEqual(statuses.pop("old"), "401")
        self.assertEqual(set(statuses.values()), {"200"}, statuses)
        bot = answers["create"][1]
        self.assert_has({"name": "Support Bot", "description": "Handles initial customer inquiries", "bot_config": {},
                         "outgoing_url": "https://your-service.com/webhook", "bot_type": "webhook"}, bot)
        self.assert_has({"agent_bot_id": bot["id"], "inbox_id": inbox["id"]}, answers["connect"][1])
        self.assertEqual(answers["conversation"][1]["status"], "pending")
        self.assert_has({"content": "Hello! How can I help you today?", "message_type": 1}, answers["send"][1])
        self.assertIn(bot, answers["list"][1])
        self.assert_has({"id": bot["id"], "name": "Updated Bot Name", "description": "New description",
                         "outgoing_url": "https://new-url.com/webhook"}, answers["update"][1])
        self.assertNotEqual(answers["reset"][1]["access_token"], bot["access_token"])
        self.assertEqual(answers["old"][1], {"error": "Invalid Access Token"})
        self.assertIsNone(answers["delete"][1], "an empty body")
        customer.id = answers["conversation"][1]["id"]
        self.assertEqual(customer.reads(), ["Hello! How can I help you today?"])

    def test_what_its_bots_read(self):
        """They take `message.content` and `conversation.id`, and answer whatever comes."""
        customer = self.stage({"events": ["message_created"]})
        customer.say("I have a BILLING question")
        heard = self.heard.wait("message_created").body
        message, conversation = heard["message"], heard["conversation"]
        self.assertIn("billing", message["content"].lower())
        path = f"/conversations/{conversation['id']}/messages"
        for _ in range(3):
            self.as_bot("POST", path, {"content": "I'm transferring you.", "message_type": "outgoing"}).ok()
        customer.say("and now?")
        self.heard.wait("message_created", lambda body: body["content"] == "and now?")
        self.assertEqual(len(self.heard.heard), 2, "a bot that answers all that it hears must not hear itself")

    def test_its_payload(self):
        """The fields of the guide's sample, each of the type shown there."""
        customer = self.stage()
        customer.say("Hello, I need help")
        heard = self.heard.wait("message_created").body
        self.assertEqual(heard["event"], "message_created")
        for path, kind in {
            "message.id": int, "message.content": str, "message.message_type": int, "message.created_at": str,
            "message.sender.id": int, "message.sender.name": str, "message.sender.type": str,
            "conversation.id": int, "conversation.inbox_id": int, "conversation.status": str,
            "conversation.assignee_id": type(None), "account.id": int, "account.name": str,
        }.items():
            value = heard
            for key in path.split("."):
                value = value[key]
            self.assertIs(type(value), kind, path)

    def test_its_events(self):
        customer = self.stage()
        customer.say("hello")
        toggle = f"/conversations/{customer.id}/toggle_status"
        self.as_bot("POST", toggle, {"status": "resolved"}).ok()
        for event in ("message_created", "conversation_created", "conversation_status_changed",
                      "conversation_resolved"):
            heard = self.heard.wait(event).body
            self.assert_has({"conversation": {"id": customer.id, "inbox_id": self.desk["id"]},
                             "account": {"id": self.server.account}}, heard)


if __name__ == "__main__":
    unittest.main(verbosity=2)
