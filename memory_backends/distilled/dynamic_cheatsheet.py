"""`dynamic_cheatsheet`: one text that a model rewrites after each task (Dynamic Cheatsheet).

Source: Suzgun, Yuksekgonul, Bianchi, Jurafsky, Zou, "Dynamic Cheatsheet: Test-Time Learning with
Adaptive Memory", arXiv 2504.07952, its cumulative variant (DC-Cu). Written from the paper; no code
of theirs.

Deviations: the curator sees the outcome if the feedback policy releases it, and the paper's sees
none; the sheet is bounded (`sheet_chars`), which the paper's prompt only asks for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from memory_backends.shared.asking import Form, episode
from memory_backends.shared.items import Item, ModelMemory
from memory_backends.shared.records import at_least
from memory_backends.shared.replies import Malformed, between, json_object
from memory_backends.shared.schemas import document, record
from memory_backends.shared.text import clean, clip
from seqswe.memory import Experience, Services

CURATE = """\
You keep a cheatsheet for coding agents that work on the issues of one software project, one after \
the other. After each task you write the whole sheet anew: what it should now say about where \
things are, what works, which mistakes to avoid, with short examples of commands or code. Keep \
what is still of use, since what you leave out is lost; correct what was wrong; merge what says \
the same; add what this task taught. At most {chars} characters. Answer with the sheet between \
<cheatsheet> and </cheatsheet>, or, if you must answer in JSON, with {{"cheatsheet": "..."}}."""
TOKENS = 8_192


class DynamicCheatsheet(ModelMemory):
    """One cheatsheet that a model rewrites after each task (Dynamic Cheatsheet, cumulative).

    sheet_chars: characters of the sheet at most.
    """

    def __init__(
        self, home: Path, *, services: Services, sheet_chars: int = 16_000, **options: Any
    ) -> None:
        super().__init__(home, services=services, **options)
        at_least(sheet_chars=(sheet_chars, 1))
        self.sheet_chars = sheet_chars

    def learn(self, experience: Experience) -> None:
        """Ask the model to write the sheet anew."""
        old = self.items[0].text if self.items else "(empty)"
        sheet = self.asker.ask(
            CURATE.format(chars=self.sheet_chars),
            f"{episode(experience)}\n\n## The cheatsheet so far\n{old}",
            Form(written, record(cheatsheet=document())),
            TOKENS,
        )
        # The files of all tasks together say nothing about where the next fault is.
        new = Item.of(experience, key="cheatsheet", text=clip(sheet, self.sheet_chars))
        self.put(replace(new, files=()))


def written(answer: str) -> str:
    """Read the sheet, between its tags or as JSON. Raises Malformed."""
    try:
        return between(answer, "cheatsheet")
    except Malformed:
        if not answer.lstrip().startswith("{"):
            raise
    sheet = json_object(answer).get("cheatsheet")
    if not isinstance(sheet, str):
        raise Malformed('its JSON object has no text "cheatsheet"')
    return clean(sheet.strip())
