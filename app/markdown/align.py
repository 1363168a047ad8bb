"""Give the blocks of a changed file the ids of the stored blocks that they are, so that a save is a difference.

The order of trust: the same content in the same order, the same content elsewhere (moved), then between two blocks that
kept their place the most similar ones. What finds no partner is a new block.
"""

import re
from collections import Counter, deque
from difflib import SequenceMatcher
from typing import Any

from app.markdown.document import Block, content_key

SIMILAR = 0.5
SIMILAR_ACROSS_TYPES = 0.8
_MAX_PAIRS = 10_000
_WINDOW = 20
_WORDS = re.compile(r"\w+|[^\w\s]")


def align(stored: list[Block], new: list[Block]) -> list[Block]:
    """Rename the ids of new blocks.

    Args:
        stored: the blocks of the page as it is, in order.
        new: the blocks of the file, in order, with ids of their own. Not changed.

    Returns:
        Copies of the new blocks: an unchanged or edited block has its stored id, a new one an id that the page never
        showed. `data.parent` follows. The same input always gives the same answer.
    """
    old_keys = [content_key(block) for block in stored]
    new_keys = [content_key(block) for block in new]
    partner: dict[int, int] = {}
    gaps: list[tuple[range, range]] = []
    for tag, old_from, old_to, new_from, new_to in _opcodes(old_keys, new_keys):
        if tag == "equal":
            partner.update(zip(range(new_from, new_to), range(old_from, old_to), strict=True))
        elif tag == "replace":
            gaps.append((range(old_from, old_to), range(new_from, new_to)))
    _match_moved(old_keys, new_keys, partner)
    taken = set(partner.values())
    for old_range, new_range in gaps:
        olds = [index for index in old_range if index not in taken]
        news = [index for index in new_range if index not in partner]
        partner.update(_match_similar(stored, new, olds, news))
    return _rename(stored, new, partner)


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    """Edit script; equal heads and tails are cut off first, because the matcher is quadratic in repeated content."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_end, new_end = len(old) - tail, len(new) - tail
    middle = SequenceMatcher(None, old[head:old_end], new[head:new_end], autojunk=max(old_end, new_end) - head > 2000)
    shifted = [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in middle.get_opcodes()]
    return [("equal", 0, head, 0, head), *shifted, ("equal", old_end, len(old), new_end, len(new))]


def _match_moved(old_keys: list[str], new_keys: list[str], partner: dict[int, int]) -> None:
    """Pair what is left over with equal content, in order of appearance."""
    taken = set(partner.values())
    waiting: dict[str, deque[int]] = {}
    for index, key in enumerate(old_keys):
        if index not in taken:
            waiting.setdefault(key, deque()).append(index)
    for index, key in enumerate(new_keys):
        if index not in partner and waiting.get(key):
            partner[index] = waiting[key].popleft()


def _match_similar(stored: list[Block], new: list[Block], olds: list[int], news: list[int]) -> list[tuple[int, int]]:
    """Pairs (new, stored) within a gap, best first. In a long gap only those at about the same place are compared."""
    if len(olds) == len(news) == 1 and stored[olds[0]]["type"] == new[news[0]]["type"]:
        return [(news[0], olds[0])]
    everywhere = len(olds) * len(news) <= _MAX_PAIRS
    old_words = {index: _words(stored[index]) for index in olds}
    scores: list[tuple[float, int, int]] = []
    for new_place, new_index in enumerate(news):
        words = _words(new[new_index])
        start = 0 if everywhere else max(0, new_place - _WINDOW)
        stop = len(olds) if everywhere else new_place + _WINDOW + 1
        for old_index in olds[start:stop]:
            score = _similarity(words, old_words[old_index])
            same_type = stored[old_index]["type"] == new[new_index]["type"]
            if score >= (SIMILAR if same_type else SIMILAR_ACROSS_TYPES):
                scores.append((-score, new_index, old_index))
    pairs: dict[int, int] = {}
    used: set[int] = set()
    for _, new_index, old_index in sorted(scores):
        if new_index not in pairs and old_index not in used:
            pairs[new_index] = old_index
            used.add(old_index)
    return list(pairs.items())


def _words(block: Block) -> Counter[str]:
    words: Counter[str] = Counter()
    values: list[Any] = [value for name, value in block.get("data", {}).items() if name != "parent"]
    while values:
        value = values.pop()
        if isinstance(value, str):
            words.update(_WORDS.findall(value))
        elif isinstance(value, list | dict):
            values += value.values() if isinstance(value, dict) else value  # pyright: ignore[reportUnknownMemberType]
    return words


def _similarity(one: Counter[str], other: Counter[str]) -> float:
    """Dice coefficient of two bags of words, 0 to 1."""
    total = one.total() + other.total()
    if len(one) > len(other):
        one, other = other, one
    return 2 * sum(min(count, other[word]) for word, count in one.items()) / total if total else 0.0


def _rename(stored: list[Block], new: list[Block], partner: dict[int, int]) -> list[Block]:
    used = {str(block["id"]) for block in stored}
    renamed: dict[str, str] = {}
    for index, block in enumerate(new):
        own = str(block["id"])
        if index in partner:
            renamed[own] = str(stored[partner[index]]["id"])
            continue
        free, number = own, 2
        while free in used:
            free, number = f"{own[:56]}-r{number}", number + 1
        used.add(free)
        renamed[own] = free
    answer: list[Block] = []
    for block in new:
        data = dict(block["data"])
        if "parent" in data:
            data["parent"] = renamed.get(data["parent"], data["parent"])
        answer.append({"id": renamed[str(block["id"])], "type": block["type"], "data": data})
    return answer
