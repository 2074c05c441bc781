"""The web widget: its inbox, and what bots are told when it is opened."""

import re
import unittest

from .house import Story


class Widget(Story):
    """The API of the web widget, as a page without the product's own script uses it."""

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
        contact = self.admin("POST", "/contacts", {"name": "Ana", "inbox_id": inbox["id"]}).ok()["payload"]
        made = self.admin("POST", "/conversations", {
            "inbox_id": inbox["id"], "contact_id": contact["contact"]["id"]}).ok()
        answer = self.admin("POST", f"/conversations/{made['id']}/messages",
                            {"content": "x", "message_type": "incoming"})
        self.assert_refused(answer, 422, {"error": "Incoming messages are only allowed in Api inboxes"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
