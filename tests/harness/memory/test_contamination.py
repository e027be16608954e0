"""The contamination audit: it bites where a memory knows too much, and only there."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from random import Random
from time import process_time

import pytest

from harness.history.git import Clone
from harness.memory.changes import changed
from harness.memory.contamination import Contamination
from harness.memory.decoding import readings
from harness.memory.secret import plain, secrets_of
from seqswe.arms import cells_of
from seqswe.errors import LeakError
from seqswe.memory import Commit, Experience, Recall, Recalled
from seqswe.testing import experiences
from tests.harness.memory.dishonest import ENCODINGS, encoded

FIX = "    return normalised(value, locale=self.locale, strict=True)"
NEXT_FIX = "    raise UnknownCurrency(code) from None  # nobody catches it"
LAST_FIX = "    self.rates = dict(sorted(rates.items()))"
LAST_TEST = "def test_große_summen():"
FOREIGN = '    print("Größe:\\tüber 1 €, \U0001f600", end="\\n")'
TEST = 'def test_locale_is_handed_on(self):\n+    assert convert("1,5", locale="de") == 1.5'


def instance(position):
    fix, test = [(FIX, TEST), (NEXT_FIX, "    pass"), (FIX, TEST), (LAST_FIX, LAST_TEST)][position]
    fixes = "".join(f"+{line}\n" for line in (fix, "    x = 1", f"{FOREIGN} # {position}"))
    return replace(
        experiences(0).instance(position),
        patch=f"--- a/x.py\n+++ b/x.py\n@@ -1 +1,2 @@\n-old\n{fixes}",
        test_patch=f"--- a/t.py\n+++ b/t.py\n@@ -0,0 +1,2 @@\n+{test}\n",
        fail_to_pass=(f"tests/test_room.py::TestRoom::test_case_{position}[a-b]",),
    )


INSTANCES = [instance(position) for position in range(4)]
ID = [i.instance_id for i in INSTANCES]


def audit(
    *kept, feedback="none", told=0, before=(), arm="sequential", files=(), tests=(), **fields
):
    """Check a memory that keeps `kept` after it was told of the rollout at `told`.

    files: lines of the checkout; tests: those of tests/test_room.py.
    """
    (cell,) = cells_of(arm, 0, 4)
    experience = Experience(task=INSTANCES[told].task(told), **fields)

    def lines(commit, word, path):
        assert path in ("", "tests/test_room.py")
        return [line for line in (tests if path else files) if word in line]

    contamination = Contamination(INSTANCES, feedback, lines)
    lines = [json.dumps(line) if isinstance(line, dict) else line for line in (*before, *kept)]
    data = [line if isinstance(line, bytes) else line.encode() for line in lines]
    old = b"".join(line + b"\n" for line in data[: len(before)])
    new = b"".join(line + b"\n" for line in data)
    was = {"m.jsonl": old} if old else {}
    contamination.check(cell, experience, was, {"m.jsonl": new}, "sha256:after")


def leaks(said, *kept, **given):
    with pytest.raises(LeakError) as caught:
        audit(*kept, **given)
    assert said in caught.value.message, caught.value.message
    assert f"arm {given.get('arm', 'sequential')}, seed 0" in caught.value.message
    assert "snapshot sha256:after" in caught.value.hint


OWN = (
    FIX,
    {"note": f"the fix was:\n+{FIX}\n"},
    {"nested": json.dumps({"again": json.dumps(FIX)})},
    "return   normalised( value, locale=self.locale,\tstrict=True )",
    'assert convert("1,5", locale="de") == 1.5',
    {"tests": ["tests/test_room.py::TestRoom::test_case_0[a-b]"]},
    "look at test_locale_is_handed_on.",
    # In JSON, as every memory of ours saves it: escapes stand where the text has line breaks.
    {"note": "look at\ntest_locale_is_handed_on"},
    {"note": "hidden:\ttest_locale_is_handed_on\n"},
    {"nested": json.dumps({"again": "\ntest_locale_is_handed_on\r\n"})},
    {"fix": FIX.replace("(", "(\n        ").replace(", ", ",\n\t")},
    {"fix": f"{FOREIGN} # 0"},
    {"nested": json.dumps({"fix": f"{FOREIGN} # 0"})},
    f"{FOREIGN} # 0",
    repr({"fix": f"\n{FOREIGN} # 0\n"}),
    ascii({"fix": f"\n{FOREIGN} # 0\n"}),
)


@pytest.mark.parametrize("kept", OWN)
@pytest.mark.parametrize("feedback", ["none", "verdict", "tests"])
def test_what_was_not_released_is_found(kept, feedback):
    leaks("m.jsonl, line 2, holds", "nothing special", kept, feedback=feedback)


@pytest.mark.parametrize("kept", OWN)
def test_gold_feedback_releases_the_fix_and_its_tests(kept):
    audit(kept, feedback="gold")


@pytest.mark.parametrize("feedback", ["none", "verdict", "tests", "gold"])
@pytest.mark.parametrize("kept", [NEXT_FIX, f"as in {ID[1]}", INSTANCES[1].fail_to_pass[0]])
def test_the_future_is_found_whatever_the_feedback(kept, feedback):
    leaks(ID[1], kept, feedback=feedback)


@pytest.mark.parametrize("kept", OWN)
def test_what_the_agent_wrote_itself_is_its_own(kept):
    written = json.dumps(kept) if isinstance(kept, dict) else kept
    audit(kept, patch=f"+{written}\n+{FIX}")
    audit(kept, notes={"tried": [written, FIX]})


def test_the_test_log_is_known_where_it_was_shown():
    log = f"FAILED {INSTANCES[0].fail_to_pass[0]}"
    audit(log, feedback="tests", test_output=log)
    leaks("hidden test", log, feedback="verdict", test_output=log)


def test_gold_that_the_harness_told_by_mistake_is_found():
    leaks("a line of the fix", FIX, feedback="verdict", gold_patch=INSTANCES[0].patch)


def test_the_past_is_public():
    audit(FIX, ID[0], told=1)


def test_a_line_that_also_belongs_to_an_earlier_fix_is_public():
    """Instance 2 has the same fix as instance 0."""
    leaks("a line of the fix", FIX, told=0)
    audit(FIX, told=1)
    audit(FIX, told=2)


def test_what_stands_in_the_checkout_is_no_secret():
    audit(FIX, files=[f"   {FIX}   # elsewhere"])
    leaks("a line of the fix", FIX, files=["return normalised(value)"])


def test_an_injected_bugs_lines_do_not_count_as_the_checkout(monkeypatch):
    """The base commit holds the fix of an injected bug; the agent's checkout does not."""
    monkeypatch.setattr(
        "tests.harness.memory.test_contamination.INSTANCES",
        [replace(INSTANCES[0], bug_patch="bug"), *INSTANCES[1:]],
    )
    leaks("a line of the fix", FIX, files=[FIX])
    audit(FIX, files=[FIX, FIX])


def test_a_test_whose_function_stands_in_the_checkout_is_no_secret():
    """Its id stands nowhere: a file holds the function, without path, class and parameters."""
    name = INSTANCES[0].fail_to_pass[0]
    audit(name, tests=["    def test_case_0(self, value):"])
    leaks("the hidden test", name, tests=["    def test_case_01(self):", "test_case_0(self)"])
    leaks("the hidden test", name, files=["    def test_case_0(self, value):"])


def test_an_injected_bugs_hidden_tests_do_not_count_as_the_checkout(monkeypatch):
    hides = f"{INSTANCES[0].test_patch}+    def test_case_0(self):\n"
    monkeypatch.setattr(
        "tests.harness.memory.test_contamination.INSTANCES",
        [replace(INSTANCES[0], bug_patch="bug", test_patch=hides), *INSTANCES[1:]],
    )
    name, line = INSTANCES[0].fail_to_pass[0], TEST.split("+")[1]
    leaks("the hidden test", name, tests=["    def test_case_0(self):"])
    leaks("a line of the hidden tests", line, files=[line])


def test_a_checkout_is_searched_whole_or_file_by_file(tmp_path):
    clone = Clone(tmp_path)
    for path in ("a/[x].py", "a/x.py"):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"def test_it():  # {path}\n")
    clone.run("init", "--quiet")
    clone.run("add", ".")
    clone.run("-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "-m", "x")
    head = clone.run("rev-parse", "HEAD").strip()
    assert len([line for line in clone.lines(head, "test_it") if line]) == 2
    assert clone.lines(head, "test_it", "a/[x].py")[0].endswith("# a/[x].py")
    assert clone.lines(head, "test_it", "b.py") == []


def test_letters_outside_ascii_are_read_in_json():
    kept = {"note": "\ntest_große_summen fails\n"}
    leaks("the hidden test test_große_summen", kept)
    leaks("line 2, holds the hidden test test_große_summen", "first", kept)


def test_what_looks_like_an_escape_may_be_a_name():
    leaks("test_locale_is_handed_on", r"see tests\test_locale_is_handed_on")


@pytest.mark.parametrize("between", [":\t", ":\n  ", ": "])
def test_a_date_is_found_behind_an_escape(between):
    leaks("the date", {"note": f"x\nmerged_at{between}{DAY_AFTER[:10]}"})


def test_what_was_there_before_is_not_found_again():
    audit(FIX, "more", before=[FIX], told=0)
    leaks("a line of the fix", NEXT_FIX, before=[FIX])


def test_another_order_makes_another_past():
    audit(LAST_FIX, ID[3], feedback="gold", told=2, arm="reversed")
    leaks("a line of the fix", LAST_FIX, feedback="none", told=2, arm="reversed")
    leaks(ID[3], ID[3], feedback="gold", told=2, arm="sequential")


def test_short_and_common_lines_are_no_secret():
    audit("x = 1", "    pass", "old", "}))]]}))]]}))]]}))]]}))]]")


DAY_AFTER = (INSTANCES[0].created_at + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    "kept",
    [
        {"created_at": DAY_AFTER},
        {"memory": json.dumps({"updated_at": DAY_AFTER})},
        f"merged_at: {DAY_AFTER[:10]}",
        f"timestamp = '{DAY_AFTER[:19].replace('T', ' ')}'",
    ],
)
def test_a_date_after_the_streams_clock_is_found(kept):
    leaks("the date", kept)
    audit(kept, told=0, notes={"seen": DAY_AFTER, "when": DAY_AFTER.replace("T", " ")})


def test_dates_up_to_the_clock_and_dates_in_prose_are_fine():
    audit(
        {"created_at": INSTANCES[0].created_at.isoformat()},
        f"created_at: {INSTANCES[0].created_at.date()}",
        "it fails for dates such as 2099-12-31",
        {"created_at": "2099-99-99"},
        {"created_at": "2019-01-01"},
    )


def test_only_what_changed_is_searched_and_nothing_of_it_is_missed():
    old = bytes(range(256)) * 100
    for at in (0, 1, 5000, len(old)):
        assert b"NEW" in changed(old, old[:at] + b"NEW" + old[at:])
        assert len(changed(old, old[:at] + b"NEW" + old[at:])) < 1000
    assert changed(old, old) == b""
    assert changed(b"", b"all") == b"all"
    assert changed(b"abcabc", b"abc") == b"abc"


def test_every_secret_is_worth_searching_for():
    for secret in secrets_of(INSTANCES[0], 0):
        assert plain(secret.text) == secret.plain
        assert len(secret.plain) >= 12


def first_to_last_difference(old, new):
    """The plain way, reversing both states as a whole."""
    limit = min(len(old), len(new))
    start = next((i for i in range(limit) if old[i] != new[i]), limit)
    backwards = zip(old[start:][::-1], new[start:][::-1], strict=False)
    same = next((i for i, (a, b) in enumerate(backwards) if a != b), limit - start)
    return start, len(new) - same


@pytest.mark.parametrize("size", [0, 1, 30, 9000, 30000])
def test_whatever_was_changed_is_searched(size):
    """Against the plain way, on many random pairs; a random alphabet keeps tokens short."""
    lot = Random(size)
    for _ in range(60):
        old = bytes(lot.choices(b"ab ,.;", k=size))
        a, b = sorted(lot.choices(range(size + 1), k=2))
        inserted = bytes(lot.choices(b"ab ,.;", k=lot.choice((0, 1, 40, 5000))))
        new = old[:a] + inserted + old[b if lot.random() < 0.5 else a :]
        start, end = first_to_last_difference(old, new)
        found = changed(old, new)
        if new == old:
            assert found == b""
        elif end - start <= 4096:
            assert new[start:end] in found
            assert len(found) <= end - start + 2 * 300 + 200
        else:
            assert all(new[at : at + 40] in found for at in range(start, end - 40, 997)
                       if old[at : at + 40] != new[at : at + 40])  # fmt: skip


def test_pages_that_are_written_here_and_there_are_all_that_is_searched():
    old = bytes(range(256)) * 4000
    new = bytearray(old)
    for at in (10, 500_000, 1_000_000):
        new[at : at + 6] = b"SECRET"
    found = changed(old, bytes(new))
    assert found.count(b"SECRET") == 3
    assert len(found) < 20_000


NESTED = (
    "base64+base64",
    "reversed+base64",
    "base64+reversed",
    "gzip+base64",
    "rot13+hex",
    "zlib+urlsafe",
    "gzip+gzip",
    "utf-16+base64",
    "base64+pieces",
    "hex+base32+base64",
    "json+json+url",
    "base64+codes",
)


@pytest.mark.parametrize("how", [*ENCODINGS, *NESTED])
def test_encodings_are_read_in_states(how):
    hidden = FIX
    for one in how.split("+"):
        hidden = encoded(one, hidden)
    leaks("a line of the fix", {"note": hidden} if not isinstance(hidden, bytes) else hidden)


@pytest.mark.parametrize("how", ["plain", "base64", "gzip", "reversed", "codes"])
def test_what_was_told_may_be_kept_in_any_encoding(how):
    hidden = encoded(how, FIX)
    audit(hidden if isinstance(hidden, bytes) else {"note": hidden}, patch=f"+{FIX}")


@pytest.mark.parametrize("escape", ["", "100 %", "R&D", "a=20", r"\101\102\103"])
def test_a_line_that_only_neighbours_spell_is_none(escape):
    """A function's name and the next value; no memory could help to have both."""
    secret = "        converter.normalise(value_of_it)"
    hides = [replace(INSTANCES[0], patch=f"{INSTANCES[0].patch}+{secret}\n")]
    honest = {"function": "Converter.normalise", "text": f"value_of_it is missing {escape}"}
    telling = {"function": "Converter.normalise(", "text": "value_of_it)"}
    (cell,) = cells_of("sequential", 0, 4)
    told = Experience(task=hides[0].task(0))
    audited = Contamination([*hides, *INSTANCES[1:]], "none", lambda *_: [])
    audited.check(cell, told, {}, {"m.jsonl": json.dumps(honest).encode()})
    for kept in (telling, {"lines": [secret[:20], secret[20:], ""]}, {"note": secret}):
        with pytest.raises(LeakError, match="a line of the fix"):
            audited.check(cell, told, {}, {"m.jsonl": json.dumps(kept).encode()})


MESSAGE = "Say more in the documentation"


@pytest.mark.parametrize(
    ("line", "text", "public"),
    [
        ("### Documentation Files", f"Commit: {MESSAGE}\nFiles: docs/a.md", True),
        ("### In the documentation: files", f"Commit: {MESSAGE}\nFiles: docs/a.md", True),
        ("# files; say more in the doc", f"Files: {MESSAGE}", True),
        ("### Documentation Files", "### Documentation Files", False),
        ("### Documentation Files", "Configuration documentation\nFiles: docs/a.md", True),
        ("### Documented files of it", f"Commit: {MESSAGE}\nDocumented, files, of it", False),
        ("say more.in_the(documentation, files_of_all)", f"{MESSAGE}: files of all", False),
    ],
)
def test_a_label_beside_what_is_public_spells_no_secret(line, text, public):
    """As where a message of the log ends and a memory goes on with "Files:"."""
    instances = [*INSTANCES[:3], replace(INSTANCES[3], patch=f"{INSTANCES[3].patch}+{line}\n")]
    (cell,) = cells_of("sequential", 0, 4)
    task = instances[0].task(0)
    commit = Commit(sha="0" * 40, created_at=task.created_at, message=MESSAGE, files=("docs/a.md",))
    audited = Contamination(instances, "gold", lambda *_: [], lambda _: [commit])
    recall = Recall(items=(Recalled(text=text, score=1.0, files=(), origins=("history:0",)),))
    with nullcontext() if public else pytest.raises(LeakError, match="a line of the fix"):
        audited.check_recall(cell, task, recall, lambda: (), lambda: {}, lambda: "")


@pytest.mark.parametrize("text", ["a 4x4 grid", "8x0", "12x5", "0x", "0x41 1x41", "x1", "٣x3"])
def test_what_is_no_number_is_no_code(text):
    assert text in list(readings(text))
    audit(text)


def test_whatever_a_memory_keeps_is_read():
    signs, random = "0x149.,'\"\\ab%&=+:;\n[]{}()/-_ u\x1f\x8bPK\x03\x04Zé", Random(13)
    for _ in range(400):
        text = "".join(random.choices(signs, k=random.randrange(1, 300)))
        assert text in list(readings(text))


LONG = 200_000
HEAVY = {
    "many short texts": '"a",' * (LONG // 4),
    "backslashes": "\\" * LONG,
    "escaped quotes": '\\"' * (LONG // 2),
    "words of dates": "date" * (LONG // 4),
    "brackets": "[" * LONG,
    "digits": "1" * LONG,
    "octal": "\\101" * (LONG // 4),
}


@pytest.mark.parametrize("how", HEAVY)
def test_no_text_takes_longer_than_its_length(how):
    """A hostile agent's notes are in every state; nothing bounds the time of the audit."""
    started = process_time()
    audit(HEAVY[how])
    assert process_time() - started < 10
