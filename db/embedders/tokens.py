"""How many tokens a text may be, without the model's tokenizer.

The rule errs on the high side for text that people write: three bytes of ASCII a token (English has about four), two
bytes of anything else (a Cyrillic letter is one token, a Chinese character or kana one and a half, an emoji two). Long
random strings can have more; then the provider refuses the request, and its halves are asked. It is an upper bound
nowhere, so a limit set by it wants some room: 8,000 for a model that takes 8,192.
"""

from __future__ import annotations

import unicodedata

_ASCII_BYTES = 3
_OTHER_BYTES = 2


def estimate(text: str) -> int:
    """Tokens of a text, estimated; at least 1."""
    ascii_bytes, other_bytes = _bytes(text)
    return max(1, -(-(ascii_bytes * _OTHER_BYTES + other_bytes * _ASCII_BYTES) // (_ASCII_BYTES * _OTHER_BYTES)))


def truncate(text: str, tokens: int) -> str:
    """The longest beginning of a text that is estimated at no more than so many tokens.

    Cut between two characters; behind a blank where there is one among the last 100 of them, so that no word is cut;
    never between a letter and a mark that combines with it.
    """
    if len(text) * _OTHER_BYTES <= tokens or estimate(text) <= tokens:  # four bytes a character at most
        return text
    low, high = 0, min(len(text), tokens * _ASCII_BYTES)
    while low < high:  # the estimate grows with the text
        middle = (low + high + 1) // 2
        if estimate(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    blank = max(text.rfind(" ", max(low - 100, 0), low), text.rfind("\n", max(low - 100, 0), low))
    if blank > 0:
        return text[:blank]
    while low > 1 and _joins(text[low]):
        low -= 1
    return text[:low]


def _bytes(text: str) -> tuple[int, int]:
    total = len(text.encode("utf-8", "surrogatepass"))
    if total == len(text):
        return total, 0
    ascii_bytes = len(text.encode("ascii", "ignore"))
    return ascii_bytes, total - ascii_bytes


def _joins(character: str) -> bool:
    """Whether a character belongs to the one before: combining marks, variation selectors, the zero-width joiner."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me") or character in "\u200d\ufe0f"
