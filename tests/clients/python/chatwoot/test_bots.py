"""Agent bots, the inboxes that they serve, and how webhooks reach them."""

import re
import unittest

from .house import Customer, Story, wait


class Bots(Story):
    def test_the_life_of_a_bot(self):
        bot = self.bot(description="First line", outgoing_url="https://bot.example/hook", bot_config={"own": [1]})
        self.assert_has({"name": "Triage", "description": "First line", "outgoing_url": "https://bot.example/hook",
                         "bot_type": "webhook", "bot_config": {"own": [1]}, "account_id": self.server.account,
                         "thumbnail": "", "system_bot": False}, bot)
        self.assertIsInstance(bot["id"], int)
        self.assertRegex(bot["access_token"], re.compile(r"^[0-9A-Za-z]{24}$"))
        path = f"/agent_bots/{bot['id']}"
        self.assertEqual(self.admin("GET", path).ok(), bot)
        self.assertIn(bot, self.admin("GET", "/agent_bots").ok())
        for method, name in (("PATCH", "Second"), ("PUT", "Third")):
            changed = self.admin(method, path, {"name": name, "description": None}).ok()
            self.assertEqual(changed, {**bot, "name": name, "description": None}, "the rest stays")
        self.assertEqual(self.admin("PATCH", path, {"outgoing_url": "http://new.example/"}).ok()["outgoing_url"],
                         "http://new.example/")
        gone = self.admin("DELETE", path)
        self.assertEqual([gone.status, gone.body], [200, b""])
        self.assertEqual(self.admin("GET", path).status, 404)
        self.assertNotIn(bot["id"], [one["id"] for one in self.admin("GET", "/agent_bots").ok()])

    def test_a_bot_that_only_posts(self):
        for url in ({}, {"outgoing_url": ""}, {"outgoing_url": None}):
            self.assertFalse(self.bot(**url)["outgoing_url"])

    def test_a_picture_by_address(self):
        bot = self.bot(avatar_url="https://bot.example/face.png")
        self.assertEqual(bot["thumbnail"], "https://bot.example/face.png")
        bare = self.admin("DELETE", f"/agent_bots/{bot['id']}/avatar").ok()
        self.assertEqual([bare["id"], bare["thumbnail"]], [bot["id"], ""])

    def test_a_new_secret_signs_what_follows(self):
        customer = self.stage()
        customer.say("one")
        self.assertTrue(self.heard.wait("message_created").signed_with(self.triage["secret"]))
        new = self.admin("POST", f"/agent_bots/{self.triage['id']}/reset_secret").ok()
        self.assertEqual(new, {**self.triage, "secret": new["secret"]})
        self.assertNotEqual(new["secret"], self.triage["secret"])
        customer.say("two")
        second = self.heard.wait("message_created", lambda body: body["content"] == "two")
        self.assertTrue(second.signed_with(new["secret"]))

    def test_connecting_by_the_form_of_the_guide(self):
        bot, inbox = self.bot(), self.inbox()
        link = self.connect(bot, inbox)
        self.assert_has({"agent_bot_id": bot["id"], "inbox_id": inbox["id"], "account_id": self.server.account,
                         "status": "active"}, link)
        self.assertIsInstance(link["id"], int)
        self.assertEqual(self.connect(bot, inbox), link, "again is the same")
        path = f"/agent_bots/{bot['id']}/agent_bot_inboxes"
        self.assertEqual(self.admin("GET", path).ok(), [link])
        self.assertEqual(self.admin("GET", f"/inboxes/{inbox['id']}/agent_bot").ok()["agent_bot"]["id"], bot["id"])
        gone = self.admin("DELETE", f"{path}/{inbox['id']}")
        self.assertEqual([gone.status, gone.body], [200, b""])
        self.assertEqual(self.admin("GET", path).ok(), [])
        self.assertEqual(self.admin("GET", f"/inboxes/{inbox['id']}/agent_bot").ok(), {"agent_bot": {}})

    def test_connecting_by_the_form_of_the_product(self):
        bot, inbox = self.bot(), self.inbox()
        path = f"/inboxes/{inbox['id']}"
        answer = self.admin("POST", f"{path}/set_agent_bot", {"agent_bot": bot["id"]})
        self.assertEqual([answer.status, answer.body], [200, b""])
        shown = lambda: self.admin("GET", f"{path}/agent_bot").ok()["agent_bot"]
        self.assertEqual(shown(), bot)
        for body in ({"agent_bot": None}, {}):
            self.admin("POST", f"{path}/set_agent_bot", {"agent_bot": bot["id"]})
            self.assertEqual(self.admin("POST", f"{path}/set_agent_bot", body).status, 200)
            self.assertEqual(shown(), {}, body)

    def test_one_bot_serves_many_inboxes_and_an_inbox_has_one_bot(self):
        first, second, inboxes = self.bot(), self.bot(name="Second"), [self.inbox(), self.inbox()]
        for inbox in inboxes:
            self.connect(first, inbox)
        served = lambda bot: {link["inbox_id"] for link in
                              self.admin("GET", f"/agent_bots/{bot['id']}/agent_bot_inboxes").ok()}
        self.assertEqual(served(first), {inbox["id"] for inbox in inboxes})
        self.connect(second, inboxes[0])
        self.assertEqual([served(first), served(second)], [{inboxes[1]["id"]}, {inboxes[0]["id"]}])

    def test_connecting_touches_no_conversation_that_is_there(self):
        inbox = self.inbox()
        before = Customer(self.server, inbox["inbox_identifier"]).begin()
        after = self.stage(inbox=inbox)
        self.assertEqual([before.status(), after.status()], ["open", "pending"])

    def test_nobody_is_left_with_a_bot_that_went(self):
        for name, leave in {
            "deleted": lambda: self.admin("DELETE", f"/agent_bots/{self.triage['id']}"),
            "disconnected": lambda: self.admin(
                "POST", f"/inboxes/{self.desk['id']}/set_agent_bot", {"agent_bot": None}),
        }.items():
            with self.subTest(name):
                customer = self.stage()
                self.as_bot("POST", f"/conversations/{customer.id}/messages", {"content": "hello"}).ok()
                self.assertEqual(leave().status, 200)
                wait("the conversation to be open", lambda: customer.status() == "open")
                self.assertEqual(customer.reads(), ["hello"], "what was said stays")


class Deliveries(Story):
    def test_a_repeat_has_the_same_id_and_a_fresh_signature(self):
        customer = self.stage({"events": ["message_created"]})
        self.heard.answers = [500, 503]
        customer.say("again, please")
        self.heard.wait_count(3)
        tries = self.heard.heard[:3]
        self.assertEqual(len({one.headers["X-Chatwoot-Delivery"] for one in tries}), 1)
        self.assertEqual(len({one.raw for one in tries}), 1, "the state at the event, not at the try")
        self.assertTrue(all(one.signed_with(self.triage["secret"]) for one in tries))
        self.assertLess(*(int(one.headers["X-Chatwoot-Timestamp"]) for one in (tries[0], tries[2])))
        customer.say("next")
        fourth = self.heard.wait("message_created", lambda body: body["content"] == "next")
        self.assertNotEqual(fourth.headers["X-Chatwoot-Delivery"], tries[0].headers["X-Chatwoot-Delivery"])
        self.assertEqual(customer.status(), "pending")

    def test_a_bot_that_fails_gives_its_customer_to_people(self):
        for name, answers in (("three times 500", [500] * 3), ("once 400", [400])):
            with self.subTest(name):
                customer = self.stage({"events": ["message_created"]})
                self.heard.answers = list(answers)
                customer.say("anybody?")
                wait("the hand-off", lambda: customer.status() == "open")
                self.assertEqual(len(self.heard.heard), len(answers))
                listed = self.agent("GET", f"/conversations/{customer.id}/messages").ok()["payload"]
                self.assertEqual([m["content"] for m in listed if m["message_type"] == 2 and
                                  "bot" in m["content"].lower()][:1] != [], True, listed)
                self.assertEqual(customer.reads(), ["anybody?"], "the line about it is for agents")

    def test_a_failure_on_a_note_hands_nothing_off(self):
        customer = self.stage({"events": ["message_created"]})
        self.heard.answers = [400]
        self.agent("POST", f"/conversations/{customer.id}/messages", {"content": "psst", "private": True}).ok()
        self.heard.wait_count(1)
        customer.say("hello")
        self.heard.wait("message_created", lambda body: body["content"] == "hello")
        self.assertEqual(customer.status(), "pending")

    def test_a_bot_may_ask_for_its_own_words(self):
        customer = self.stage({"receive_own_messages": True, "events": ["message_created"]})
        self.as_bot("POST", f"/conversations/{customer.id}/messages", {"content": "me"}).ok()
        body = self.heard.wait("message_created").body
        self.assert_has({"content": "me", "message_type": "outgoing",
                         "sender": {"id": self.triage["id"], "name": "Triage", "type": "agent_bot"}}, body)

    def test_a_bot_may_ask_for_some_events_only(self):
        customer = self.stage({"events": ["message_created", "conversation_resolved"]})
        customer.say("hello")
        toggle = f"/conversations/{customer.id}/toggle_status"
        self.as_bot("POST", toggle, {"status": "open"}).ok()
        self.as_bot("POST", toggle, {"status": "resolved"}).ok()
        customer.say("last")
        self.heard.wait("message_created", lambda body: body["content"] == "last")
        self.assertEqual(self.heard.events(), ["message_created", "conversation_resolved", "message_created"])

    def test_in_the_order_in_which_it_was_said(self):
        customer = self.stage({"events": ["message_created"]})
        said = [customer.say(f"line {number}")["id"] for number in range(30)]
        self.heard.wait("message_created", lambda body: body["content"] == "line 29")
        self.assertEqual([one.body["id"] for one in self.heard.heard], said)

    def test_a_bot_without_an_address_is_left_alone(self):
        inbox, bot = self.inbox(), self.bot()
        self.connect(bot, inbox)
        customer = Customer(self.server, inbox["inbox_identifier"]).begin()
        self.assertEqual(customer.conversation["status"], "pending")
        customer.say("hello")
        sent = self.server.call(bot["access_token"], "POST", f"/conversations/{customer.id}/messages",
                                {"content": "I only post"}).ok()
        self.assertEqual([sent["content"], customer.status()], ["I only post", "pending"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
