"""Who may not do what, and in which words it is refused."""

import unittest

from .house import Customer, Story

SIGN_IN = {"errors": ["You need to sign in or sign up before continuing."]}
UNKNOWN_TOKEN = {"error": "Invalid Access Token"}
NOT_FOR_BOTS = {"error": "Access to this endpoint is not authorized for bots"}
NOT_ALLOWED = {"error": "You are not authorized to do this action"}
BAD_PLATFORM = {"error": "Invalid access_token"}
NOT_THEIRS = {"error": "Non permissible resource"}
NOT_FOUND = {"error": "Resource could not be found"}
OTHER_BOT = {"error": "Bot is not authorized to access this account"}
NO_MEMBER = {"error": "You are not authorized to access this account"}
NOBODY = 987_654_321


class Tokens(Story):
    def test_no_token(self):
        for path in ("/agent_bots", "/conversations", "/inboxes"):
            self.assert_refused(self.server.call(None, "GET", path), 401, SIGN_IN, path)
        self.assert_refused(self.server.send("GET", "/api/v1/profile"), 401, SIGN_IN)

    def test_unknown_token(self):
        wrong = "Z" * 24
        self.assert_refused(self.server.call(wrong, "GET", "/agent_bots"), 401, UNKNOWN_TOKEN)
        answer = self.server.send("GET", "/api/v1/profile", headers={"api_access_token": wrong})
        self.assert_refused(answer, 401, UNKNOWN_TOKEN)

    def test_a_reset_token_is_dead_at_once(self):
        customer = self.stage()
        old, path = self.triage["access_token"], f"/conversations/{customer.id}"
        prefix = f"/api/v1/accounts/{self.server.account}"
        kept = self.server.connect()
        self.addCleanup(kept.close)
        ask = lambda token: self.server.send("GET", prefix + path, None, {"api_access_token": token}, kept)
        ask(old).ok()
        socket = kept.sock
        new = self.admin("POST", f"/agent_bots/{self.triage['id']}/reset_access_token").ok()
        self.assertNotEqual(new["access_token"], old)
        self.assertEqual(new["id"], self.triage["id"])
        self.assert_refused(ask(old), 401, UNKNOWN_TOKEN, "on the connection that it had used")
        self.assertIs(kept.sock, socket, "the connection was kept")
        ask(new["access_token"]).ok()
        message = self.server.call(old, "POST", f"{path}/messages", {"content": "ghost"})
        self.assert_refused(message, 401, UNKNOWN_TOKEN)
        self.assertEqual(customer.messages(), [])

    def test_what_a_bot_may_not_call(self):
        customer = self.stage()
        here = f"/conversations/{customer.id}"
        for method, path, body in (
            ("GET", "/conversations", None),
            ("GET", "/conversations/meta", None),
            ("POST", "/conversations/filter", {"payload": []}),
            ("GET", f"{here}/messages", None),
            ("GET", "/contacts", None),
            ("GET", f"/contacts/{customer.contact['id']}", None),
            ("GET", "/teams", None),
            ("GET", "/agents", None),
            ("GET", "/inboxes", None),
            ("GET", f"/inboxes/{self.desk['id']}", None),
            ("POST", f"/inboxes/{self.desk['id']}/set_agent_bot", {"agent_bot": None}),
            ("GET", "/agent_bots", None),
            ("GET", f"/agent_bots/{self.triage['id']}", None),
            ("PATCH", f"/agent_bots/{self.triage['id']}", {"name": "Chief"}),
            ("POST", f"/agent_bots/{self.triage['id']}/reset_access_token", None),
            ("GET", "/webhooks", None),
        ):
            with self.subTest(f"{method} {path}"):
                self.assert_refused(self.as_bot(method, path, body), 401, NOT_FOR_BOTS)
        shown = self.admin("GET", f"/agent_bots/{self.triage['id']}").ok()
        self.assertEqual([shown["name"], shown["access_token"]], ["Triage", self.triage["access_token"]])

    def test_what_a_bot_may_call(self):
        customer = self.stage()
        here = f"/conversations/{customer.id}"
        for method, path, body in (
            ("GET", here, None),
            ("PATCH", here, {"priority": "high"}),
            ("POST", f"{here}/messages", {"content": "hello"}),
            ("POST", f"{here}/toggle_typing_status", {"typing_status": "on"}),
            ("POST", f"{here}/toggle_priority", {"priority": "low"}),
            ("POST", f"{here}/custom_attributes", {"custom_attributes": {"plan": "gold"}}),
            ("GET", f"{here}/labels", None),
            ("POST", f"{here}/labels", {"labels": ["vip"]}),
            ("POST", f"{here}/toggle_status", {"status": "open"}),
            ("POST", f"{here}/assignments", {"assignee_id": 0}),
        ):
            with self.subTest(f"{method} {path}"):
                self.as_bot(method, path, body).ok()

    def test_a_platform_token_is_not_for_the_account(self):
        self.assert_refused(self.server.call(self.server.platform, "GET", "/agent_bots"), 401, NOT_FOR_BOTS)

    def test_what_needs_an_administrator(self):
        bot, inbox = self.bot(), self.inbox()
        bots, inboxes = f"/agent_bots/{bot['id']}", f"/inboxes/{inbox['id']}"
        for method, path, body in (
            ("POST", "/agent_bots", {"name": "Mine"}),
            ("PATCH", bots, {"name": "Mine"}),
            ("PUT", bots, {"name": "Mine"}),
            ("POST", f"{bots}/reset_access_token", None),
            ("POST", f"{bots}/reset_secret", None),
            ("DELETE", f"{bots}/avatar", None),
            ("POST", f"{bots}/agent_bot_inboxes", {"inbox_id": inbox["id"]}),
            ("GET", f"{bots}/agent_bot_inboxes", None),
            ("DELETE", f"{bots}/agent_bot_inboxes/{inbox['id']}", None),
            ("DELETE", bots, None),
            ("POST", "/inboxes", {"name": "Mine", "channel": {"type": "api"}}),
            ("PATCH", inboxes, {"name": "Mine"}),
            ("POST", f"{inboxes}/set_agent_bot", {"agent_bot": bot["id"]}),
            ("DELETE", inboxes, None),
            ("POST", "/webhooks", {"url": "https://a.example/", "subscriptions": ["message_created"]}),
            ("POST", "/teams", {"name": "mine"}),
            ("POST", "/agents", {"name": "Me", "email": "me@x.example", "role": "agent"}),
        ):
            with self.subTest(f"{method} {path}"):
                self.assert_refused(self.agent(method, path, body), 401, NOT_ALLOWED)
        self.assertEqual(self.admin("GET", bots).ok(), bot, "nothing was done")
        self.assertEqual(self.admin("GET", f"{inboxes}/agent_bot").ok(), {"agent_bot": {}})

    def test_tokens_and_secrets_are_for_administrators(self):
        bot = self.bot(outgoing_url="https://bot.example/hook")
        self.assertTrue(bot["access_token"] and bot["secret"])
        listed = self.agent("GET", "/agent_bots").ok()
        seen = [self.agent("GET", f"/agent_bots/{bot['id']}").ok(), *listed]
        self.assertIn(bot["id"], [one["id"] for one in listed])
        for one in seen:
            self.assertFalse({"access_token", "secret"} & set(one), one)


class Platform(Story):
    def test_the_platform_wants_its_own_token(self):
        self.assert_refused(self.server.send("GET", "/platform/api/v1/agent_bots"), 401, BAD_PLATFORM)
        for token in ("Z" * 24, self.server.admin):
            answer = self.server.ask_platform("GET", "/agent_bots", token=token)
            self.assert_refused(answer, 401, BAD_PLATFORM)

    def test_the_platform_touches_only_what_it_made(self):
        bot = self.bot()
        for method, body in (("GET", None), ("PATCH", {"name": "Ours"}), ("DELETE", None)):
            answer = self.server.ask_platform(method, f"/agent_bots/{bot['id']}", body)
            self.assert_refused(answer, 401, NOT_THEIRS, method)
        self.assertEqual(self.admin("GET", f"/agent_bots/{bot['id']}").ok(), bot)

    def test_a_global_bot_is_the_platforms_own(self):
        made = self.server.ask_platform("POST", "/agent_bots", {
            "name": "House bot", "description": "for all", "outgoing_url": "https://bot.example/"}).ok()
        self.assert_has({"name": "House bot", "description": "for all", "account_id": None}, made)
        self.assertIn(made["id"], [bot["id"] for bot in self.server.ask_platform("GET", "/agent_bots").ok()])
        path = f"/agent_bots/{made['id']}"
        seen = self.admin("GET", path).ok()
        self.assert_has({"system_bot": True, "account_id": None, "name": "House bot"}, seen)
        self.assertFalse({"outgoing_url", "secret"} & set(seen), seen)
        self.assertIn(made["id"], [bot["id"] for bot in self.agent("GET", "/agent_bots").ok()])
        self.assert_refused(self.admin("PATCH", path, {"name": "Ours"}), 404, NOT_FOUND)
        self.assert_refused(self.admin("DELETE", path), 404, NOT_FOUND)
        # Its token is good in every account, before it serves any inbox there.
        customer = Customer(self.server, self.inbox()["inbox_identifier"]).begin()
        message = self.server.call(
            made["access_token"], "POST", f"/conversations/{customer.id}/messages", {"content": "from above"})
        self.assertEqual(message.ok()["sender"]["id"], made["id"])
        gone = self.server.ask_platform("DELETE", path)
        self.assertEqual([gone.status, gone.body], [200, b""])
        self.assert_refused(self.admin("GET", path), 404, NOT_FOUND)


class Requests(Story):
    def test_what_is_not_there(self):
        customer = self.stage()
        for method, path, body in (
            ("GET", f"/agent_bots/{NOBODY}", None),
            ("DELETE", f"/agent_bots/{NOBODY}", None),
            ("POST", f"/agent_bots/{NOBODY}/reset_access_token", None),
            ("POST", f"/agent_bots/{NOBODY}/agent_bot_inboxes", {"inbox_id": self.desk["id"]}),
            ("POST", f"/agent_bots/{self.triage['id']}/agent_bot_inboxes", {"inbox_id": NOBODY}),
            ("GET", f"/inboxes/{NOBODY}", None),
            ("GET", f"/inboxes/{NOBODY}/agent_bot", None),
            ("POST", f"/inboxes/{self.desk['id']}/set_agent_bot", {"agent_bot": NOBODY}),
            ("GET", f"/conversations/{NOBODY}", None),
            ("POST", f"/conversations/{NOBODY}/messages", {"content": "hello"}),
            ("POST", f"/conversations/{NOBODY}/toggle_status", {"status": "open"}),
            ("DELETE", f"/conversations/{customer.id}/messages/{NOBODY}", None),
            ("GET", f"/contacts/{NOBODY}", None),
            ("GET", f"/teams/{NOBODY}", None),
            ("GET", "/conversations/word", None),
        ):
            with self.subTest(f"{method} {path}"):
                self.assert_refused(self.admin(method, path, body), 404, NOT_FOUND)
        answer = self.server.send(
            "GET", f"/api/v1/accounts/{NOBODY}/agent_bots", headers={"api_access_token": self.server.admin})
        self.assert_refused(answer, 404, NOT_FOUND)

    def test_what_is_not_there_for_a_customer(self):
        customer, other = self.stage(), Customer(self.server, self.server.inbox_key).begin()
        public = "/public/api/v1/inboxes"
        for path in (f"{public}/{'Z' * 24}", f"{public}/{self.server.inbox_key}/contacts/nobody",
                     f"{customer.base}/{NOBODY}", f"{customer.base}/{other.id}",
                     f"{customer.base}/{other.id}/messages"):
            self.assertEqual(self.server.send("GET", path).status, 404, path)
        answer = self.server.send("POST", f"{customer.base}/{other.id}/messages", {"content": "not mine"})
        self.assertEqual([answer.status, other.messages()], [404, []])

    def test_what_is_no_good_bot(self):
        answer = self.admin("POST", "/agent_bots", {"description": "no name"})
        self.assert_refused(answer, 422, {"message": "Name can't be blank", "attributes": ["name"]})
        for fields in ({"name": " "}, {"name": "B", "outgoing_url": "ftp://bot.example/"},
                       {"name": "B", "outgoing_url": "bot.example"}, {"name": "B", "bot_type": "csml"},
                       {"name": "B", "outgoing_url": "https://bot.example/" + "a" * 2048}):
            answer = self.admin("POST", "/agent_bots", fields)
            self.assertEqual(answer.status, 422, f"{fields}: {answer}")
            self.assertTrue(answer.json.get("message") or answer.json.get("error"), answer)
        bot = self.bot()
        answer = self.admin("PATCH", f"/agent_bots/{bot['id']}", {"outgoing_url": "javascript:alert(1)"})
        self.assertEqual(answer.status, 422)
        self.assertEqual(self.admin("GET", f"/agent_bots/{bot['id']}").ok(), bot)

    def test_parameters_that_are_missing_or_wrong(self):
        customer = self.stage()
        here = f"/conversations/{customer.id}"
        answer = self.admin("POST", f"/agent_bots/{self.triage['id']}/agent_bot_inboxes", {})
        self.assertEqual([answer.status, type(answer.json.get("error"))], [422, str])
        answer = self.agent("POST", f"{here}/toggle_status", {"status": "foo"})
        self.assert_refused(answer, 422, {"error": "'foo' is not a valid status"})
        self.assertEqual(self.agent("POST", f"{here}/toggle_priority", {"priority": "huge"}).status, 422)
        self.assertEqual(customer.status(), "pending")

    def test_messages_that_are_refused(self):
        customer = self.stage()
        path = f"/conversations/{customer.id}/messages"
        for name, body in {
            "blank": {"content": ""},
            "no content": {},
            "too long": {"content": "x" * 150_001},
            "unknown type": {"content": "x", "content_type": "hologram"},
            "a menu of nothing": {"content": "x", "content_type": "input_select", "content_attributes": {"items": []}},
            "a menu with strange keys": {"content": "x", "content_type": "input_select",
                                         "content_attributes": {"items": [{"title": "a", "value": "b", "evil": 1}]}},
            "a card without actions": {"content": "x", "content_type": "cards",
                                       "content_attributes": {"items": [{"title": "a", "actions": []}]}},
        }.items():
            with self.subTest(name):
                answer = self.as_bot("POST", path, body)
                self.assertEqual(answer.status, 422, answer)
                self.assertTrue(answer.json.get("error") or answer.json.get("message"), answer)
        self.assertEqual(customer.messages(), [])
        self.as_bot("POST", path, {"content": "x" * 16_384}).ok()

    def test_a_body_that_is_no_json(self):
        for body in (b"{", b"not json", b"\xff\xfe"):
            answer = self.server.send(
                "POST", f"/api/v1/accounts/{self.server.account}/agent_bots", body,
                {"api_access_token": self.server.admin, "Content-Type": "application/json"})
            self.assert_refused(answer, 400, {"status": 400, "error": "Bad Request"}, str(body))

    def test_a_loop_is_braked(self):
        customer = self.stage()
        self.agent("POST", f"/conversations/{customer.id}/toggle_status", {"status": "open"}).ok()
        kept = self.server.connect()
        self.addCleanup(kept.close)
        send = lambda text: self.server.send(
            "POST", f"/api/v1/accounts/{self.server.account}/conversations/{customer.id}/messages",
            {"content": text}, {"api_access_token": self.server.agent}, kept)
        for number in range(200):
            send(f"again {number}").ok()
        self.assert_refused(send("too often"), 422, {"error": "Validation failed: Too many messages"})


class Strangers(Story):
    """People and bots of another account."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        platform = cls.server.ask_platform
        cls.other = platform("POST", "/accounts", {"name": "Others"}).ok()["id"]
        user = platform("POST", "/users", {"name": "Stranger", "email": "stranger@other.example",
                                           "password": "Pa55word!long"}).ok()
        cls.stranger = user["access_token"]
        platform("POST", f"/accounts/{cls.other}/account_users",
                 {"user_id": user["id"], "role": "administrator"}).ok()

    def elsewhere(self, token, method, path, body=None):
        return self.server.send(method, f"/api/v1/accounts/{self.other}{path}", body, {"api_access_token": token})

    def test_a_user_of_another_account(self):
        self.elsewhere(self.stranger, "GET", "/agent_bots").ok()
        self.assert_refused(self.server.call(self.stranger, "GET", "/agent_bots"), 401, NO_MEMBER)
        self.assert_refused(self.elsewhere(self.server.admin, "GET", "/agent_bots"), 401, NO_MEMBER)

    def test_a_bot_of_another_account(self):
        bot = self.elsewhere(self.stranger, "POST", "/agent_bots", {"name": "Spy"}).ok()
        customer = self.stage()
        here = f"/conversations/{customer.id}"
        self.assert_refused(self.server.call(bot["access_token"], "GET", here), 401, OTHER_BOT)
        answer = self.server.call(bot["access_token"], "POST", f"{here}/messages", {"content": "psst"})
        self.assert_refused(answer, 401, OTHER_BOT)
        self.assertEqual(customer.messages(), [])

    def test_what_another_account_has_is_not_there(self):
        customer = self.stage()
        self.assert_refused(
            self.elsewhere(self.stranger, "GET", f"/agent_bots/{self.triage['id']}"), 404, NOT_FOUND)
        self.assert_refused(self.elsewhere(self.stranger, "GET", f"/inboxes/{self.desk['id']}"), 404, NOT_FOUND)
        self.assert_refused(
            self.elsewhere(self.stranger, "GET", f"/contacts/{customer.contact['id']}"), 404, NOT_FOUND)
        bot = self.elsewhere(self.stranger, "POST", "/agent_bots", {"name": "Own"}).ok()
        answer = self.elsewhere(
            self.stranger, "POST", f"/agent_bots/{bot['id']}/agent_bot_inboxes", {"inbox_id": self.desk["id"]})
        self.assert_refused(answer, 404, NOT_FOUND)
        answer = self.admin("POST", f"/inboxes/{self.desk['id']}/set_agent_bot", {"agent_bot": bot["id"]})
        self.assert_refused(answer, 404, NOT_FOUND)

    def test_conversations_are_counted_in_each_account(self):
        answer = self.elsewhere(self.stranger, "GET", "/conversations?status=all").ok()
        self.assertEqual(answer["data"]["payload"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
