"""What the specification has and the server has not yet: `python -m unittest chatwoot.later`, from the folder above.

A test that passes here moves to the file of its subject.
"""

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


if __name__ == "__main__":
    unittest.main(verbosity=2)
