"""Writing inline source back so that it stays what it is: a paragraph that begins with `# ` must not become a heading.

Text that came out of a file is written as it was; only text that would be read differently (it came over the API)
is escaped. What would be read differently is asked of the parser, where a cheap look says that it might.
"""

import re

from app.markdown.syntax import BLOCKS

# A line that could begin or end a block: only those texts are worth a parse.
_SUSPECT = re.compile(r"^(?:\s*(?:[#>\-+*=_~`|<\[:!?]|\d{1,9}[.)])|\s{4}|\t)|\n[ \t]*\n|^\s|\s\Z", re.MULTILINE)
_MARK = re.compile(r"^([#>+*=_~`|<\[\-!?:])")
_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
# A row under a table's header. With a list marker before it, a line of text can be taken for that header.
_DELIMITERS = re.compile(r"^[|:][|:\- \t]*-[|:\- \t]*$", re.MULTILINE)
_LEADING = re.compile(r"\n[ \t]+")
_MAX_TRIED = 50  # lines, each with a parse of those before it
_BLANK_LINES = re.compile(r"\n\s*\n")


def paragraph(text: str) -> str:
    """Source of one paragraph with this text."""
    text = _LEADING.sub("\n", _BLANK_LINES.sub("\n", text)) if "\n" in text else text
    text = text.strip()
    if not _SUSPECT.search(text) or (_is_paragraph(text) and not _DELIMITERS.search(text)):
        return text
    lines = text.split("\n")
    if len(lines) > _MAX_TRIED:
        return "\n".join(_escape(line) for line in lines)
    kept: list[str] = []
    for line in lines:
        tried = "\n".join([*kept, line])
        if _is_paragraph(tried) and not (kept and _DELIMITERS.search(line)):
            kept.append(line)
        elif kept and line[0] in "<`~*_[!":
            # An escape would change what the inline markup means; indented, a line of a paragraph begins no block.
            kept.append("    " + line)
        else:
            kept.append(_escape(line))
    return "\n".join(kept)


def _escape(line: str) -> str:
    """A line that begins no block: its first mark is escaped."""
    return _NUMBER.sub(r"\1\\\2", _MARK.sub(r"\\\1", line))


def heading(text: str, level: int) -> str:
    """Source of a heading: one line; `#` at its end are escaped, because they would be taken for closing ones."""
    one_line = re.sub(r"(^|\s)(#+)$", r"\1\\\2", re.sub(r"\s*[\r\n]\s*", " ", text.strip()))
    return f"{'#' * min(max(level, 1), 6)} {one_line}".rstrip()


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


def _is_paragraph(text: str) -> bool:
    tokens = BLOCKS.parse(text)
    return len(tokens) == 3 and tokens[0].type == "paragraph_open" and tokens[1].content == text


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
