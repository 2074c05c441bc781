"""Long messages, and files of messages."""

import urllib.parse

from .house import Story
from .test_wire import multipart


class Long(Story):
    def test_the_longest_message(self):
        customer = self.stage()
        self.as_bot("POST", f"/conversations/{customer.id}/messages", {"content": "x" * 150_000}).ok()


class Files(Story):
    def post(self, path, body, content_type, token):
        return self.server.send("POST", f"/api/v1/accounts/{self.server.account}{path}", body,
                                {"api_access_token": token, "Content-Type": content_type})

    def test_multipart_with_files(self):
        customer = self.stage()
        text = bytes(range(256)) * 8
        body, form = multipart([("content", "see here"), ("attachments[]", text, "notes.bin"),
                                ("attachments[]", b"second", "b.txt")])
        path = f"/conversations/{customer.id}/messages"
        sent = self.post(path, body, form, self.triage["access_token"]).ok()
        self.assertEqual(len(sent["attachments"]), 2)
        first = sent["attachments"][0]
        self.assert_has({"message_id": sent["id"], "file_type": "file", "account_id": self.server.account,
                         "file_size": len(text)}, first)
        where = urllib.parse.urlsplit(first["data_url"])
        got = self.server.send("GET", f"{where.path}?{where.query}" if where.query else where.path)
        self.assertEqual([got.status, got.body == text], [200, True])
        self.assertEqual(len(customer.messages()[-1]["attachments"]), 2)
        many = [("content", "many")] + [("attachments[]", b"x", f"{number}.txt") for number in range(16)]
        body, form = multipart(many)
        self.assertEqual(self.post(path, body, form, self.triage["access_token"]).status, 422)
