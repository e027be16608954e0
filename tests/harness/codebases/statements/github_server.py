"""A local HTTP server that answers as GitHub's GraphQL API does, as far as issues are concerned."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "ghp_local"
ISSUE = re.compile(r"i(\d+): issue\(number: (\d+)\)")
NEEDED = (
    "userContentEdits",
    "lastEditedAt",
    "RENAMED_TITLE_EVENT",
    "previousTitle",
    "followRenames",
)


class GitHubServer:
    """Issues by number; `failures` are given first: (status, headers, body) each."""

    def __init__(self):
        self.repositories, self.renamed = {"x/tiny": {}}, {"x/old": "x/tiny"}
        self.failures, self.asked = [], []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/graphql"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def issue(self, number, title, body, created="2024-01-01T00:00:00Z", edits=(), was=""):
        """An issue. edits: (moment, text) from the first version on; was: its first title."""
        nodes = [{"edited_at": moment, "text": text} for moment, text in edits]
        self.repositories["x/tiny"][number] = {
            "title": title,
            "body": body,
            "created_at": created,
            "edited_at": edits[-1][0] if edits else None,
            "newest": {"nodes": nodes[-1:]},
            "oldest": {"nodes": nodes[:1]},
            "renamed": {"nodes": [{"title": was}] if was else []},
        }

    def answer(self, query, variables):
        """Status, headers and body for a query."""
        name = f"{variables['owner']}/{variables['name']}"
        name = self.renamed.get(name, name)
        if any(word not in query for word in NEEDED):
            return {"errors": [{"message": "the query lacks a field"}]}
        if name not in self.repositories:
            missing = {"type": "NOT_FOUND", "path": ["repository"], "message": "Could not resolve"}
            return {"data": {"repository": None}, "errors": [missing]}
        known, told, errors = self.repositories[name], {}, []
        for alias, number in ISSUE.findall(query):
            assert alias == number
            told[f"i{alias}"] = known.get(int(number))
            self.asked.append(int(number))
            if int(number) not in known:
                path = ["repository", f"i{alias}"]
                errors.append({"type": "NOT_FOUND", "path": path, "message": "Could not resolve"})
        answer = {"data": {"repository": told}}
        return answer | ({"errors": errors} if errors else {})

    def _handler(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return self.say(401, {}, {"message": "Bad credentials"})
                if outer.failures:
                    return self.say(*outer.failures.pop(0))
                return self.say(200, {}, outer.answer(body["query"], body["variables"]))

            def say(self, status, headers, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler
