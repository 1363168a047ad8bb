"""Writing inline source back so that it stays what it is: a paragraph that begins with `# ` must not become a heading.

Text that came out of a file is written as it was; only text that would be read differently (it came over the API)
is escaped. What would be read differently is asked of the parser, where a cheap look says that it might.
"""

import re

from app.markdown.syntax import BLOCKS

# A line that could begin or end a block: only those texts are worth a parse.
_SUSPECT = re.compile(r"^(?:\s*(?:[#>\-+*=_~`|<\[:!?]|\d{1,9}[.)])|\s{4}|\t)|\n[ \t]*\n|^\s|\s\Z", re.MULTILINE)
_MARK = re.compile(r"^([#>+*=_~`|<\[\-!?:])", re.MULTILINE)
_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n\s*\n")


def paragraph(text: str) -> str:
    """Source of one paragraph with this text."""
    if not _SUSPECT.search(text) or _reads_as("paragraph_open", text, text):
        return text
    lines = [line.strip() for line in _BLANK_LINES.sub("\n", text).strip().split("\n")]
    return _NUMBER.sub(r"\1\\\2", _MARK.sub(r"\\\1", "\n".join(lines)))


def heading(text: str, level: int) -> str:
    """Source of a heading; several lines of text need the underlined form, which levels 1 and 2 have."""
    level = min(max(level, 1), 6)
    hashes = "#" * level
    if not text.strip():
        return hashes
    candidates = [f"{hashes} {text}"] if "\n" not in text else []
    if level <= 2:
        candidates.append(f"{text}\n{'===' if level == 1 else '---'}")
    for candidate in candidates:
        if ("\n" not in candidate and not text.endswith(("#", " ", "\t")) and not text.startswith((" ", "\t"))) or (
            _reads_as("heading_open", candidate, text)
        ):
            return candidate
    one_line = " ".join(text.split())
    return f"{hashes} {re.sub(r'#+$', lambda match: chr(92) + match[0], one_line)}"


def image(data: dict[str, object]) -> str:
    """Source of an image that is a paragraph of its own."""
    alt = str(data.get("alt", ""))
    return f"![{_brackets(alt)}]({_destination(str(data.get('url', '')))}{_title(data.get('title'))})"


def definition(data: dict[str, object]) -> str:
    """Source of a link reference definition."""
    label = " ".join(str(data.get("label", "")).split()) or "link"
    return f"[{_brackets(label)}]: {_destination(str(data.get('url', '')))}{_title(data.get('title'))}"


def cell(text: str) -> str:
    """Source of a table cell: one line, no bare pipe."""
    return "<br>".join(text.strip().splitlines()).replace("|", "\\|")


def _reads_as(token_type: str, source: str, text: str) -> bool:
    tokens = BLOCKS.parse(source)
    return len(tokens) == 3 and tokens[0].type == token_type and tokens[1].content == text


def _brackets(text: str) -> str:
    """Text for between square brackets: balanced ones may stay, others are escaped."""
    text = _BLANK_LINES.sub("\n", text)
    depth = 0
    position = 0
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == "[":
            depth += 1
        elif text[position] == "]":
            depth -= 1
            if depth < 0:
                break
        position += 1
    return text if depth == 0 else re.sub(r"(?<!\\)([\[\]])", r"\\\1", text)


def _destination(url: str) -> str:
    if re.fullmatch(r"[^\s<>()\x00-\x1f]+", url):
        return url
    return "<" + re.sub(r"[\r\n]", "", url).replace("<", "%3C").replace(">", "%3E") + ">"


def _title(title: object) -> str:
    if not title:
        return ""
    text = _BLANK_LINES.sub("\n", str(title))
    return ' "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
