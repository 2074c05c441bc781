"""The forms in which clients in the wild send their requests."""

import json
import unittest
import urllib.parse

from .house import Customer, Story


def multipart(fields, boundary="frontier7"):
    """`fields` as (name, value) or (name, value, filename)."""
    parts = []
    for name, value, *filename in fields:
        file = f'; filename="{filename[0]}"\r\nContent-Type: application/octet-stream' if filename else ""
        value = value if isinstance(value, bytes) else value.encode()
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value)
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


class Wire(Story):
    def prefix(self, path):
        return f"/api/v1/accounts/{self.server.account}{path}"

    def post(self, path, body, content_type, token, **more):
        return self.server.send("POST", self.prefix(path), body,
                                {"api_access_token": token, "Content-Type": content_type}, **more)

    def test_liveness_needs_no_token(self):
        answer = self.server.send("GET", "/api").ok()
        self.assertRegex(answer["version"], r"^4\.\d+\.\d+$")
        self.assert_has({"queue_services": "ok", "data_services": "ok"}, answer)
        self.assertTrue(answer["timestamp"])

    def test_the_token_in_every_header(self):
        token, path = self.server.agent, self.prefix("/agent_bots")
        for name in ("api_access_token", "API_ACCESS_TOKEN", "Api-Access-Token", "api-access-token"):
            with self.subTest(name):
                self.server.send("GET", path, headers={name: token}).ok()
        for scheme in ("Bearer", "bearer"):
            with self.subTest(scheme):
                self.server.send("GET", path, headers={"Authorization": f"{scheme} {token}"}).ok()

    def test_two_tokens_at_once(self):
        good, wrong, path = self.server.agent, "Z" * 24, self.prefix("/agent_bots")
        both = lambda bearer, other: self.server.send(
            "GET", path, headers={"Authorization": f"Bearer {bearer}", "api_access_token": other})
        both(good, good).ok()
        both(good, wrong).ok()
        for bearer in (wrong, ""):
            with self.subTest(bearer):
                self.assertEqual(both(bearer, good).status, 401)

    def test_slashes_that_are_too_many(self):
        customer, bot = self.stage(), {"name": "Slashed"}
        account = self.server.account
        send = lambda method, path, body=None: self.server.send(
            method, path, body, {"api_access_token": self.server.admin})
        send("GET", self.prefix("/agent_bots/")).ok()
        send("GET", self.prefix(f"/inboxes/{self.desk['id']}/")).ok()
        send("GET", f"//api/v1/accounts/{account}/agent_bots").ok()
        send("GET", f"/api/v1//accounts/{account}//agent_bots/").ok()
        self.assertEqual(send("POST", f"//api/v1/accounts/{account}/agent_bots/", bot).ok()["name"], "Slashed")
        path = f"//api/v1/accounts/{account}/conversations/{customer.id}/messages"
        self.server.send("POST", path, {"content": "from a demo bot"},
                         {"api_access_token": self.triage["access_token"]}).ok()
        self.server.send("POST", f"{customer.base}/{customer.id}/messages/", {"content": "me too"}).ok()
        self.assertEqual(customer.reads(), ["from a demo bot", "me too"])

    def test_json_in_other_words(self):
        body = json.dumps({"name": "Ünïcode 🍕", "hobby": ["unknown"], "bot_config": {"kept": [1, {"a": None}]}})
        for content_type in ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"):
            with self.subTest(content_type):
                bot = self.post("/agent_bots", body.encode(), content_type, self.server.admin).ok()
                self.assertEqual(bot["name"], "Ünïcode 🍕")
                self.assertEqual(bot["bot_config"], {"kept": [1, {"a": None}]})
                self.assertNotIn("hobby", bot)

    def test_urlencoded(self):
        body = urllib.parse.urlencode({"name": "Form & Bot", "description": "a+b=c", "bot_type": "0",
                                       "outgoing_url": "https://bot.example/?a=b&c=d",
                                       "bot_config": '{"deep":{"er":1}}'}).encode()
        form = "application/x-www-form-urlencoded"
        bot = self.post("/agent_bots", body, form, self.server.admin).ok()
        self.assert_has({"name": "Form & Bot", "description": "a+b=c", "bot_type": "webhook", "bot_config":
                         {"deep": {"er": 1}}, "outgoing_url": "https://bot.example/?a=b&c=d"}, bot)
        customer = self.stage()
        path = f"/conversations/{customer.id}/messages"
        note = self.post(path, b"content=a+note&private=true", form, self.server.agent).ok()
        self.assertEqual([note["content"], note["private"]], ["a note", True])
        self.post(path, b"content=hello%21&private=false&message_type=outgoing", form, self.server.agent).ok()
        self.server.send("POST", f"{customer.base}/{customer.id}/messages", b"content=hi",
                         {"Content-Type": form}).ok()
        self.assertEqual(customer.reads(), ["hello!", "hi"])
        toggled = self.post(f"/conversations/{customer.id}/toggle_status", b"status=resolved", form,
                            self.server.agent).ok()
        self.assertEqual(toggled["payload"]["current_status"], "resolved")
        labels = self.post(f"/conversations/{customer.id}/labels", b"labels[]=vip&labels[]=new", form,
                           self.server.agent).ok()
        self.assertEqual(sorted(labels["payload"]), ["new", "vip"])

    def test_multipart_with_json_in_its_parts(self):
        customer = self.stage()
        items = [{"title": "Yes", "value": "y"}, {"title": "No", "value": "n"}]
        body, form = multipart([("content", "Sure?"), ("private", "false"), ("content_type", "input_select"),
                                ("content_attributes", json.dumps({"items": items}))])
        path = f"/conversations/{customer.id}/messages"
        menu = self.post(path, body, form, self.triage["access_token"]).ok()
        self.assertEqual([menu["private"], menu["content_attributes"].get("items")], [False, items])
        self.assertEqual(customer.messages()[-1]["content_attributes"]["items"], items)
        body, form = multipart([("content", "only us"), ("private", "true")])
        self.assertIs(self.post(path, body, form, self.server.agent).ok()["private"], True)
        self.assertEqual(customer.reads(), ["Sure?"])

    def test_bodies_in_chunks(self):
        customer = self.stage()
        path, token = f"/conversations/{customer.id}/messages", self.triage["access_token"]
        body, form = multipart([("content", "in pieces"), ("private", "false")])
        for content_type, whole in ((form, body), ("application/json", b'{"content":"in pieces"}'),
                                    ("application/x-www-form-urlencoded", b"content=in+pieces")):
            for size in (1, 7, len(whole)):
                with self.subTest(f"{content_type} by {size}"):
                    pieces = [whole[at:at + size] for at in range(0, len(whole), size)]
                    answer = self.post(path, pieces, content_type, token, chunked=True).ok()
                    self.assertEqual(answer["content"], "in pieces")
        self.assertEqual(customer.reads(), ["in pieces"] * 9)

    def test_broken_multipart(self):
        customer = self.stage()
        path, token = f"/conversations/{customer.id}/messages", self.triage["access_token"]
        whole, form = multipart([("content", "cut")])
        for name, body, content_type in (("cut", whole[:-20], form), ("no boundary", whole, "multipart/form-data"),
                                         ("another boundary", whole, "multipart/form-data; boundary=other")):
            with self.subTest(name):
                answer = self.post(path, body, content_type, token)
                self.assertIn(answer.status, (400, 422), answer)
        self.assertEqual(customer.messages(), [])

    def test_numbers_and_words_for_the_message_type(self):
        customer = self.stage()
        path = f"/conversations/{customer.id}/messages"
        for kind, number in (("outgoing", 1), (1, 1), ("1", 1), ("incoming", 0), (0, 0)):
            with self.subTest(kind):
                message = self.agent("POST", path, {"content": "typed", "message_type": kind}).ok()
                self.assertEqual(message["message_type"], number)

    def test_an_echo_id_is_given_back(self):
        customer = self.stage()
        self.assertEqual(self.as_bot("POST", f"/conversations/{customer.id}/messages",
                                     {"content": "a", "echo_id": "e-1"}).ok()["echo_id"], "e-1")
        plain = self.as_bot("POST", f"/conversations/{customer.id}/messages", {"content": "b"}).ok()
        self.assertFalse({"echo_id", "attachments"} & set(plain), plain)

    def test_the_same_source_id_is_the_same_message(self):
        customer = self.stage()
        path, body = f"/conversations/{customer.id}/messages", {"content": "once", "source_id": "mail-7"}
        first, second = (self.as_bot("POST", path, body).ok() for _ in range(2))
        self.assertEqual(first["id"], second["id"])
        self.assertEqual([first["source_id"], customer.reads()], ["mail-7", ["once"]])

    def test_pages_may_call_the_public_api_from_anywhere(self):
        path = f"/public/api/v1/inboxes/{self.server.inbox_key}"
        answer = self.server.send("GET", path, headers={"Origin": "https://shop.example"})
        self.assertIn(answer.headers["Access-Control-Allow-Origin"], ("*", "https://shop.example"))
        asked = self.server.send("OPTIONS", f"{path}/contacts", headers={
            "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        self.assertIn(asked.status, (200, 204))
        self.assertIn(asked.headers["Access-Control-Allow-Origin"], ("*", "https://shop.example"))
        self.assertIn("POST", asked.headers["Access-Control-Allow-Methods"])

    def test_the_inbox_shows_itself_to_customers(self):
        about = self.server.send("GET", f"/public/api/v1/inboxes/{self.server.inbox_key}").ok()
        self.assertEqual(about["identifier"], self.server.inbox_key)
        self.assertTrue({"name", "timezone", "working_hours", "working_hours_enabled",
                         "identity_validation_enabled"} <= set(about), about)

    def test_messages_by_pages(self):
        customer = Customer(self.server, self.inbox()["inbox_identifier"]).begin()
        said = [customer.say(f"line {number}")["id"] for number in range(45)]
        self.assertEqual(said, sorted(set(said)), "ids grow")
        path = f"/conversations/{customer.id}/messages"
        mine = set(said)
        ids = lambda query: [m["id"] for m in self.agent("GET", path + query).ok()["payload"] if m["id"] in mine]
        self.assertEqual(ids(""), said[-20:])
        self.assertEqual(ids(f"?before={said[25]}"), said[5:25])
        self.assertEqual(ids(f"?after={said[9]}"), said[10:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
