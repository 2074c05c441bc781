"""What the specification has and the server has not yet: `python -m unittest chatwoot.later`, from the folder above.

A test that passes here moves to the file of its subject.
"""

import re
import unittest

from .house import Story
from .test_refusals import NOT_FOUND

OTHER_BOT = {"error": "Bot is not authorized to access this account"}
NO_MEMBER = {"error": "You are not authorized to access this account"}


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


class Widget(Story):
    """The API of the web widget, as far as the event of its opening needs it."""

    def test_opening_the_widget_is_told_under_both_names(self):
        inbox = self.admin("POST", "/inboxes", {
            "name": "Site", "channel": {"type": "web_widget", "website_url": "shop.example"}}).ok()
        self.assertEqual(inbox["channel_type"], "Channel::WebWidget")
        heard = self.hook()
        bot = self.bot(outgoing_url=heard.url)
        self.connect(bot, inbox)
        query = f"?website_token={inbox['website_token']}"
        token = self.server.send("POST", f"/api/v1/widget/config{query}", {}).ok()
        headers = {"X-Auth-Token": re.search(r"ey[\w-]+\.[\w-]+\.[\w-]+", str(token)).group()}
        answer = self.server.send("POST", f"/api/v1/widget/events{query}", {
            "name": "webwidget.triggered", "event_info": {"referer": "https://shop.example/"}}, headers)
        self.assertEqual(answer.status, 204)
        for event in ("webwidget_triggered", "widget_triggered"):
            body = heard.wait(event).body
            self.assert_has({"inbox": {"id": inbox["id"], "name": "Site"}, "account": {"id": self.server.account},
                             "current_conversation": None}, body)
            self.assertIsInstance(body["contact"]["id"], int)

    def test_what_came_from_elsewhere_is_for_api_inboxes(self):
        inbox = self.admin("POST", "/inboxes", {
            "name": "Site", "channel": {"type": "web_widget", "website_url": "shop.example"}}).ok()
        contact = self.agent("POST", "/contacts", {"name": "Ana", "inbox_id": inbox["id"]}).ok()["payload"]
        made = self.agent("POST", "/conversations", {
            "inbox_id": inbox["id"], "contact_id": contact["contact"]["id"]}).ok()
        answer = self.agent("POST", f"/conversations/{made['id']}/messages",
                            {"content": "x", "message_type": "incoming"})
        self.assert_refused(answer, 422, {"error": "Incoming messages are only allowed in Api inboxes"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
