"""``Did you mean this?`` for mistyped commands. Models cobra's SuggestionsFor."""

from collections.abc import Iterable

#: Names up to so many letters away are offered.
DISTANCE = 2


def suggestions(word: str, names: Iterable[str]) -> str:
    """The lines to append to a refusal: names that look like the word or begin with it; "" if there are none."""
    typed = word.lower()
    near = [name for name in names if _distance(typed, name.lower()) <= DISTANCE or name.lower().startswith(typed)]
    return "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in near) if near else ""


def _distance(a: str, b: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, above = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]
