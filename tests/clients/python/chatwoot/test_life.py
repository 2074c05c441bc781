"""A conversation from its first word to its second life."""

import re
import time
import unittest

from .house import Customer, Story

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOKEN = re.compile(r"[1-9A-HJ-NP-Za-km-z]{24}")


class Life(Story):
    def test_a_contact_gets_its_keys(self):
        customer = Customer(self.server, self.server.inbox_key, name="Ana", email="ana@shop.example")
        self.assertTrue(UUID.fullmatch(customer.contact["source_id"]), customer.contact)
        self.assertTrue(customer.contact["pubsub_token"])
        self.assert_has({"name": "Ana", "email": "ana@shop.example", "phone_number": None}, customer.contact)
        self.assertIsInstance(customer.contact["id"], int)
        again = self.server.send("GET", customer.base.rsplit("/", 1)[0]).ok()
        self.assertEqual(again, customer.contact)

    def test_without_a_bot_a_conversation_is_open_and_with_one_pending(self):
        alone = Customer(self.server, self.inbox()["inbox_identifier"]).begin()
        self.assertEqual(alone.conversation["status"], "open")
        customer = self.stage()
        self.assert_has({"status": "pending", "inbox_id": self.desk["id"], "messages": [],
                         "contact_last_seen_at": 0, "agent_last_seen_at": 0}, customer.conversation)
        self.assertEqual(customer.conversation["contact"]["id"], customer.contact["id"])
        self.assertGreater(customer.id, alone.id)

    def test_a_new_conversation_is_told_before_its_first_message(self):
        customer = self.stage()
        customer.say("hello")
        self.heard.wait("message_created")
        created = self.heard.heard[0]
        self.assertEqual(self.heard.events(), ["conversation_created", "message_created"])
        self.assert_has({"id": customer.id, "status": "pending", "messages": [], "inbox_id": self.desk["id"],
                         "account": {"id": self.server.account}}, created.body)
        self.assert_has({"id": customer.id, "status": "pending", "messages": []}, created.body["conversation"])
        self.assertNotIn("message", created.body)

    def test_the_webhook_speaks_both_dialects(self):
        customer = self.stage()
        said = customer.say("Hello, I need help")
        body = self.heard.wait("message_created").body
        account = body["account"]
        self.assertEqual(account["id"], self.server.account)
        self.assertTrue(account["name"])
        sender = {"id": customer.contact["id"], "name": "Ana", "type": "contact"}
        self.assert_has({
            "id": said["id"], "content": "Hello, I need help", "content_type": "text", "content_attributes": {},
            "additional_attributes": {}, "message_type": "incoming", "private": False, "source_id": None,
            "inbox": {"id": self.desk["id"], "name": self.desk["name"]},
            "sender": {**sender, "email": None, "phone_number": None, "identifier": None, "thumbnail": "",
                       "additional_attributes": {}, "custom_attributes": {}, "blocked": False, "account": account},
        }, body)
        self.assertTrue(ISO.fullmatch(body["created_at"]), body["created_at"])
        self.assertNotIn("attachments", body, "only when there are any")
        self.assert_has({"id": said["id"], "content": "Hello, I need help", "message_type": 0,
                         "content_type": "text", "private": False, "sender": sender}, body["message"])
        self.assertRegex(body["message"]["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        conversation = body["conversation"]
        self.assert_has({
            "id": customer.id, "inbox_id": self.desk["id"], "status": "pending", "assignee_id": None,
            "can_reply": True, "channel": "Channel::Api", "labels": [], "additional_attributes": {},
            "custom_attributes": {}, "priority": None, "snoozed_until": None, "unread_count": 1,
            "first_reply_created_at": None, "agent_last_seen_at": 0, "contact_last_seen_at": 0, "account": account,
            "contact_inbox": {"contact_id": customer.contact["id"], "inbox_id": self.desk["id"],
                              "source_id": customer.contact["source_id"], "hmac_verified": False},
            "meta": {"sender": {"id": customer.contact["id"], "name": "Ana"}, "assignee": None,
                     "team": None, "hmac_verified": False},
        }, conversation)
        self.assertNotIn("pubsub_token", conversation["contact_inbox"], "it would open the customer's stream")
        for field in ("waiting_since", "last_activity_at", "timestamp", "created_at"):
            self.assertIsInstance(conversation[field], int, field)
            self.assertLess(abs(conversation[field] - time.time()), 60, field)
        self.assertIsInstance(conversation["updated_at"], (int, float))
        self.assertEqual([(m["id"], m["message_type"]) for m in conversation["messages"]], [(said["id"], 0)])

    def test_the_webhook_is_signed_with_the_bots_secret(self):
        customer = self.stage()
        customer.say("hello")
        delivery = self.heard.wait("message_created")
        self.assertTrue(UUID.fullmatch(delivery.headers["X-Chatwoot-Delivery"]))
        self.assertTrue(delivery.headers["Content-Type"].startswith("application/json"))
        self.assertEqual(delivery.headers["Accept"], "application/json")
        self.assertLess(abs(int(delivery.headers["X-Chatwoot-Timestamp"]) - time.time()), 60)
        self.assertTrue(delivery.signed_with(self.triage["secret"]))
        self.assertFalse(delivery.signed_with(self.triage["access_token"]))

    def test_the_bot_answers_and_does_not_hear_itself(self):
        customer = self.stage()
        customer.say("hello")
        self.heard.wait("message_created")
        path = f"/conversations/{customer.id}/messages"
        reply = self.as_bot("POST", path, {"content": "Hello! How can I help?", "message_type": "outgoing"}).ok()
        self.assert_has({"content": "Hello! How can I help?", "message_type": 1, "private": False, "status": "sent",
                         "content_type": "text", "content_attributes": {}, "conversation_id": customer.id,
                         "inbox_id": self.desk["id"],
                         "sender": {"id": self.triage["id"], "name": "Triage", "type": "agent_bot"}}, reply)
        self.assertIsInstance(reply["created_at"], int)
        got = customer.messages()
        self.assertEqual([(m["content"], m["message_type"]) for m in got],
                         [("hello", 0), ("Hello! How can I help?", 1)])
        self.assertEqual(customer.status(), "pending", "its answer changes nothing")
        customer.say("thanks")
        self.heard.wait("message_created", lambda body: body["content"] == "thanks")
        said = [one.body["content"] for one in self.heard.heard if one.event == "message_created"]
        self.assertEqual(said, ["hello", "thanks"])

    def test_the_bot_hands_off(self):
        customer = self.stage()
        customer.say("a human, please")
        self.heard.wait("message_created")
        before = len(self.heard.heard)
        answer = self.as_bot("POST", f"/conversations/{customer.id}/toggle_status", {"status": "open"}).ok()
        self.assertEqual(answer["payload"], {"success": True, "conversation_id": customer.id,
                                             "current_status": "open", "snoozed_until": None})
        self.assertEqual(answer["meta"], {})
        self.assertEqual(customer.status(), "open")
        changed = self.heard.wait("conversation_status_changed").body
        self.assertEqual(self.heard.events(before), ["conversation_opened", "conversation_status_changed"])
        self.assertEqual(changed["changed_attributes"],
                         [{"status": {"previous_value": "pending", "current_value": "open"}}])
        self.assert_has({"id": customer.id, "status": "open",
                         "conversation": {"id": customer.id, "status": "open"},
                         "account": {"id": self.server.account}}, changed)

    def test_the_bot_still_hears_what_people_say(self):
        customer = self.stage()
        customer.say("a human, please")
        self.as_bot("POST", f"/conversations/{customer.id}/toggle_status", {"status": "open"}).ok()
        path = f"/conversations/{customer.id}/messages"
        reply = self.agent("POST", path, {"content": "I am here"}).ok()
        self.assert_has({"message_type": 1, "sender": {"type": "user"}}, reply)
        body = self.heard.wait("message_created", lambda body: body["content"] == "I am here").body
        self.assert_has({"message_type": "outgoing", "message": {"message_type": 1},
                         "conversation": {"status": "open"}}, body)
        self.assertEqual(body["sender"]["id"], reply["sender"]["id"])
        self.assertEqual(body["sender"]["type"], "user")
        self.assertIn("I am here", customer.reads())

    def test_a_private_note_is_for_agents_and_bots(self):
        customer = self.stage()
        customer.say("hello")
        path = f"/conversations/{customer.id}/messages"
        note = self.agent("POST", path, {"content": "he is a regular", "private": True}).ok()
        self.assertIs(note["private"], True)
        self.assertEqual(customer.status(), "pending", "a note is no answer")
        body = self.heard.wait("message_created", lambda body: body["content"] == "he is a regular").body
        self.assertEqual([body["private"], body["message"]["private"]], [True, True])
        self.agent("POST", path, {"content": "what can I do?"}).ok()
        self.assertEqual(customer.reads(), ["hello", "what can I do?"])
        last = customer.ask("GET").ok()["messages"]
        self.assertNotIn("regular", str(last))
        listed = self.agent("GET", path).ok()["payload"]
        self.assertIn("he is a regular", [message["content"] for message in listed])

    def test_an_answer_of_a_person_opens_a_pending_conversation(self):
        customer = self.stage()
        customer.say("hello")
        reply = self.agent("POST", f"/conversations/{customer.id}/messages", {"content": "I take it"}).ok()
        shown = self.agent("GET", f"/conversations/{customer.id}").ok()
        self.assertEqual(shown["status"], "open")
        self.assertEqual(shown["meta"]["assignee"]["id"], reply["sender"]["id"])

    def test_resolved_and_begun_anew_by_the_customer(self):
        customer = self.stage()
        customer.say("hello")
        path = f"/conversations/{customer.id}"
        self.as_bot("POST", f"{path}/toggle_status", {"status": "open"}).ok()
        self.heard.wait("conversation_status_changed")
        before = len(self.heard.heard)
        answer = self.agent("POST", f"{path}/toggle_status", {"status": "resolved"}).ok()
        self.assertEqual(answer["payload"]["current_status"], "resolved")
        self.heard.wait_count(before + 2)
        self.assertEqual(self.heard.events(before), ["conversation_resolved", "conversation_status_changed"])
        self.assertEqual(self.heard.heard[before].body["status"], "resolved")
        self.assertEqual(self.agent("GET", path).ok()["waiting_since"], 0)
        customer.say("one more thing")
        again = self.heard.wait("message_created", lambda body: body["content"] == "one more thing").body
        self.assertEqual(again["conversation"]["status"], "pending", "the bot's turn again")
        self.assertEqual(again["conversation"]["id"], customer.id, "the same conversation")
        self.assertEqual(customer.status(), "pending")
        self.assertEqual(customer.reads(), ["hello", "one more thing"], "it remembers its first life")

    def test_without_a_bot_a_new_word_opens_it(self):
        customer = Customer(self.server, self.inbox()["inbox_identifier"]).begin()
        customer.say("hello")
        customer.ask("POST", "/toggle_status").ok()
        self.assertEqual(customer.status(), "resolved", "the customer may end it, too")
        customer.say("one more thing")
        self.assertEqual(customer.status(), "open")

    def test_an_agent_gives_it_back_to_the_bot(self):
        customer = self.stage()
        path = f"/conversations/{customer.id}"
        self.agent("POST", f"{path}/messages", {"content": "I take it"}).ok()
        self.agent("POST", f"{path}/toggle_status", {"status": "pending"}).ok()
        shown = self.agent("GET", path).ok()
        self.assertEqual(shown["status"], "pending")
        self.assertNotIn("assignee", shown["meta"], "nobody's slot is taken")
        customer.say("bot?")
        body = self.heard.wait("message_created", lambda body: body["content"] == "bot?").body
        self.assertEqual([body["conversation"]["status"], body["conversation"]["assignee_id"]], ["pending", None])

    def test_the_demo_bots_word_for_pending(self):
        customer = self.stage()
        toggle = f"/conversations/{customer.id}/toggle_status"
        self.as_bot("POST", toggle, {"status": "open"}).ok()
        self.assertEqual(self.as_bot("POST", toggle, {"status": "bot"}).ok()["payload"]["current_status"], "pending")

    def test_toggling_without_a_status(self):
        customer = self.stage()
        toggle = f"/conversations/{customer.id}/toggle_status"
        told = [self.agent("POST", toggle).ok()["payload"]["current_status"] for _ in range(3)]
        self.assertEqual(told, ["open", "resolved", "open"])

    def test_a_choice_comes_back_to_the_bot(self):
        customer = self.stage()
        customer.say("menu")
        items = [{"title": "Yes", "value": "y"}, {"title": "No", "value": "n"}]
        menu = self.as_bot("POST", f"/conversations/{customer.id}/messages", {
            "content": "Sure?", "content_type": "input_select", "content_attributes": {"items": items}}).ok()
        shown = customer.messages()[-1]
        self.assert_has({"id": menu["id"], "content_type": "input_select"}, shown)
        self.assertEqual(shown["content_attributes"]["items"], items)
        chosen = [{"title": "Yes", "value": "y"}]
        answer = customer.ask("PATCH", f"/messages/{menu['id']}", {"submitted_values": chosen}).ok()
        self.assertEqual(answer["content_attributes"]["submitted_values"], chosen)
        body = self.heard.wait("message_updated").body
        self.assert_has({"id": menu["id"], "message_type": "outgoing", "content_type": "input_select"}, body)
        self.assertEqual(body["content_attributes"]["submitted_values"], chosen)

    def test_who_waits_and_who_was_answered(self):
        customer = self.stage()
        path = f"/conversations/{customer.id}"
        customer.say("hello")
        waiting = self.agent("GET", path).ok()
        self.assertLess(abs(waiting["waiting_since"] - time.time()), 60)
        self.assertEqual([waiting["first_reply_created_at"], waiting["unread_count"]], [0, 1])
        self.as_bot("POST", f"{path}/messages", {"content": "bot here"}).ok()
        answered = self.agent("GET", path).ok()
        self.assertEqual([answered["waiting_since"], answered["first_reply_created_at"]], [0, 0])
        self.agent("POST", f"{path}/messages", {"content": "human here"}).ok()
        self.assertLess(abs(self.agent("GET", path).ok()["first_reply_created_at"] - time.time()), 60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
