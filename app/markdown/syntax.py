"""The Markdown dialect: CommonMark, GFM tables, and the two notations that documentation folders use on top.

`!!! note "Title"`, `??? note` and `=== "Tab"` with a body indented by four spaces are Python-Markdown's admonitions,
details and tabs. Without a rule for them their bodies would be code blocks. (The plugin `admon` of mdit-py-plugins
ends a body at two blank lines, which cuts code samples in half, and knows no tabs: hence a rule here.)
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

BODY_INDENT = 4
MAX_NESTING = 100

_CALLOUT = re.compile(
    r"""(?P<marker>!!!|\?\?\?\+?)[ ]?(?P<kind>[\w-]+(?:[ ]+[\w-]+)*)(?:[ ]+"(?P<title>.*)")?[ ]*"""
    r"""|(?P<tab>===[!+]?)[ ]+"(?P<label>.*)"[ ]*""",
    re.VERBOSE,
)


def _callout(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Block rule: a marker line and the lines under it that are blank or indented by four."""
    if state.is_code_block(start_line):
        return False
    start = state.bMarks[start_line] + state.tShift[start_line]
    if start >= len(state.src) or state.src[start] not in "!?=":
        return False
    match = _CALLOUT.fullmatch(state.src[start : state.eMarks[start_line]])
    if match is None:
        return False
    if silent:
        return True

    indent = state.sCount[start_line] + BODY_INDENT
    last = start_line
    line = start_line + 1
    while line < end_line and (state.isEmpty(line) or state.sCount[line] >= indent):
        if not state.isEmpty(line):
            last = line
        line += 1

    token = state.push("callout_open", "div", 1)
    token.map = [start_line, last + 1]
    if match["tab"]:
        token.meta = {"marker": match["tab"], "kind": "tab", "title": " ".join(match["label"].split())}
    else:
        title = match["title"]
        title = None if title is None else " ".join(title.split())
        token.meta = {"marker": match["marker"], "kind": match["kind"], "title": title}
    token.attrs = {"class": token.meta["kind"], "title": token.meta["title"] or ""}

    parent, line_max, blk_indent = state.parentType, state.lineMax, state.blkIndent
    state.parentType = "callout"
    state.lineMax = last + 1  # no lazy continuation out of the body
    state.blkIndent = indent
    state.md.block.tokenize(state, start_line + 1, last + 1)
    state.parentType, state.lineMax, state.blkIndent = parent, line_max, blk_indent
    state.push("callout_close", "div", -1)
    state.line = last + 1
    return True


def make_parser() -> MarkdownIt:
    """A parser with the dialect's rules; link definitions become tokens of their own instead of vanishing."""
    parser = MarkdownIt("commonmark", {"inline_definitions": True, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    options = {"alt": ["paragraph", "reference", "blockquote", "list", "table"]}
    parser.block.ruler.before("fence", "callout", _callout, options)  # pyright: ignore[reportArgumentType]
    return parser


def make_block_parser() -> MarkdownIt:
    """The same without the inline phase, which takes most of the time: blocks keep their inline source."""
    parser = make_parser()
    parser.core.ruler.disable(["inline", "text_join"], ignoreInvalid=True)
    return parser


BLOCKS = make_block_parser()
INLINE = make_parser()
