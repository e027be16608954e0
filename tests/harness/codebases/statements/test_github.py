"""Issues from an API that behaves as GitHub's does: versions, renamings, limits, failures."""

import json
import time

import pytest

from harness.codebases.statements import github as module
from harness.codebases.statements.github import GitHub
from harness.codebases.statements.issues import KnownIssues, load_issues
from seqswe.cli import main
from seqswe.errors import MissingError, UsageError
from seqswe.manifests import manifest_files as manifests
from tests.harness.codebases.statements.github_server import TOKEN, GitHubServer
from tests.harness.codebases.test_renewal import codebase  # noqa: F401


@pytest.fixture
def server():
    made = GitHubServer()
    yield made
    made.close()


def ask(server, *numbers, repo="x/tiny", token=TOKEN, **given):
    with GitHub(token, server.url, wait=0.01, **given) as client:
        return {a.number: a for some in client.issues(repo, numbers) for a in some}


def test_an_issue_that_was_never_edited(server):
    server.issue(7, "It breaks", "Here.")
    found = ask(server, 7)[7].issue
    assert (found.title, found.body) == ("It breaks", "Here.")
    assert found.created_at.isoformat() == "2024-01-01T00:00:00+00:00"


def test_its_first_body_and_title_are_told(server):
    edits = [("2024-01-01T00:00:02Z", "Here."), ("2024-05-01T00:00:00Z", "Fixed by #9.")]
    server.issue(7, "Fixed: it breaks", "Fixed by #9.", edits=edits, was="It breaks")
    found = ask(server, 7)[7].issue
    assert (found.title, found.body) == ("It breaks", "Here.")


@pytest.mark.parametrize(
    "edits", [[("2024-05-01T00:00:00Z", "Later.")], [("2024-01-01T00:00:00Z", None)]]
)
def test_where_the_first_text_is_not_told_there_is_none(server, edits):
    server.issue(7, "It breaks", "Later.", edits=edits)
    assert ask(server, 7)[7].absent == "edited, and its first text is not told"


def test_a_number_of_no_issue_and_a_broken_one_stop_no_other(server):
    server.issue(7, "It breaks", "Here.")
    server.issue(8, "It breaks", "\ud800")
    server.repositories["x/tiny"][9] = {"title": 3}
    found = ask(server, 6, 7, 8, 9)
    assert found[6].absent == "no issue"
    assert found[7].issue
    assert found[8].absent == "holds half a character"
    assert "issue 9" in found[9].untold
    assert not found[9].absent, "it may have another form tomorrow, so it is not kept"


def test_many_are_asked_for_a_few_at_a_time(server, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    for number in range(1, 6):
        server.issue(number, f"It breaks {number}", "")
    with GitHub(TOKEN, server.url) as client:
        sizes = [len(some) for some in client.issues("x/tiny", range(1, 6))]
    assert sizes == [2, 2, 1]


def test_a_renamed_repository_is_followed(server):
    server.issue(7, "It breaks", "")
    assert ask(server, 7, repo="x/old")[7].issue


def test_a_repository_that_is_not_there(server):
    with pytest.raises(UsageError, match="no repository x/none"):
        ask(server, 7, repo="x/none")


def test_a_refused_token_is_not_repeated(server):
    with pytest.raises(UsageError) as caught:
        ask(server, 7, token="secret-token")
    assert "secret-token" not in f"{caught.value} {caught.value.hint}"
    with pytest.raises(UsageError, match="no header can carry"):
        ask(server, 7, token="a\nb")


LIMITS = [
    (429, {"retry-after": "0"}, {"message": "slow down"}),
    (403, {"retry-after": "0"}, {"message": "You have exceeded a secondary rate limit"}),
    (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, {"message": "limit"}),
    (200, {"x-ratelimit-reset": "1"}, {"errors": [{"type": "RATE_LIMITED"}]}),
    (502, {}, b"<html>"),
    (200, {}, b"{"),
    (403, {"x-ratelimit-reset": "9999999999"}, {"message": "a secondary rate limit"}),
    (200, {}, {"data": None, "errors": [{"message": "Something went wrong"}]}),
    (200, {}, {"data": {"repository": None}, "errors": [{"message": "Something went wrong"}]}),
    (200, {}, {"errors": 5}),
    (200, {}, {"errors": [{"type": ["RATE_LIMITED"]}, 5]}),
]


@pytest.mark.parametrize("failure", LIMITS)
def test_what_passes_is_tried_again(server, failure):
    server.issue(7, "It breaks", "")
    server.failures = [failure]
    assert ask(server, 7)[7].issue


@pytest.mark.parametrize("path", [["repository", "i7"], ["repository"], None, 5])
def test_an_issue_that_is_not_answered_is_asked_for_again(server, path):
    server.issue(8, "It breaks", "")
    told = {"i7": None, "i8": server.repositories["x/tiny"][8]}
    errors = [{"message": "Something went wrong", "path": path}]
    server.failures = [(200, {}, {"data": {"repository": told}, "errors": errors})]
    found = ask(server, 7, 8)
    assert (found[7].absent, found[7].untold) == ("", "Something went wrong")
    assert found[8].issue


@pytest.mark.parametrize("kind", ["FORBIDDEN", "INSUFFICIENT_SCOPES"])
def test_a_token_that_may_not_read_it_is_not_repeated(server, kind):
    server.failures = [(200, {}, {"data": None, "errors": [{"type": kind, "message": TOKEN}]})]
    with pytest.raises(UsageError, match=kind) as caught:
        ask(server, 7)
    assert TOKEN not in str(caught.value)


def test_versions_that_are_not_told_are_no_error(server):
    server.issue(7, "It breaks", "Here.", edits=[("2024-01-01T00:00:02Z", "Here.")])
    issue = server.repositories["x/tiny"][7]
    issue["newest"] = None
    issue["oldest"]["nodes"].append(None)
    assert ask(server, 7)[7].issue.body == "Here."


def test_an_address_of_no_api_is_refused(server):
    for url in ("http://a\x01", "ftp://a", "nowhere"):
        with pytest.raises(UsageError, match="no address"):
            GitHub(TOKEN, url)


def test_a_long_limit_ends_it_and_is_named(server):
    reset = str(int(time.time()) + 3000)
    server.failures = [(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}, {})]
    with pytest.raises(MissingError, match="used up for 50 minutes"):
        ask(server, 7, patience=100)


def test_what_does_not_pass_ends_it(server):
    server.failures = [(502, {}, b"")] * 6
    with pytest.raises(MissingError, match="HTTP 502"):
        ask(server, 7)
    server.failures = [(404, {}, TOKEN.encode())]
    with pytest.raises(MissingError, match="HTTP 404: …"):
        ask(server, 7)
    server.close()
    with pytest.raises(MissingError, match="does not answer"):
        ask(server, 7)


def test_an_answer_without_end_is_not_read(server, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    server.failures = [(200, {}, b" " * 2000)]
    with pytest.raises(MissingError, match="larger than"):
        ask(server, 7)


def test_what_is_known_survives_a_kill(tmp_path, server):
    server.issue(7, "It breaks", "Ü")
    known = KnownIssues(tmp_path / "known.jsonl")
    known.add((a.number, a.issue, a.absent) for a in ask(server, 6, 7).values())
    whole = known._path.read_bytes()
    known._path.write_bytes(whole + b'{"number": 8, "ti')
    again = KnownIssues(tmp_path / "known.jsonl")
    assert (again.issues, again.absent) == (known.issues, {6: "no issue"})
    assert again.missing([8, 7, 6, 8]) == [8]
    assert again._path.read_bytes() == whole


def call(*words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


def test_from_the_command_line_to_a_statement(codebase, server, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    server.issue(7, "It breaks", "Here.", created="2024-01-01T00:00:00Z")
    out = tmp_path / "issues.jsonl"
    given = ("issues", codebase, "--out", out, "--api", server.url)
    assert call(*given) == 3
    assert "GITHUB_TOKEN is not set" in capsys.readouterr().err
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    for _ in range(2):
        assert call(*given, "--token-env", "MY_TOKEN") == 0
    assert server.asked == [7]
    assert load_issues(str(out))[7].title == "It breaks"
    assert json.loads(out.read_text())["number"] == 7
    assert call("statements", codebase, "--renew", "--issues", out) == 0
    assert manifests.load(str(codebase)).instances[0].statement_source == "issue:7"
