"""Which blocks a file becomes, what a file may not hold, and how a changed file meets its stored page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.markdown.align import align
from app.markdown.document import Block, Document, MarkdownError, content_key, import_source
from app.markdown.parse import parse
from app.markdown.render import render

pytestmark = pytest.mark.once


def blocks_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(block["type"], block["data"]) for block in parse(text, "x.md").blocks]


@pytest.mark.parametrize(
    ("text", "block_type", "data"),
    [
        ("Some *text*\nhere", "paragraph", {"text": "Some *text*\nhere"}),
        ("Two\\\nlines  \nor\nfour\n===", "heading", {"level": 1, "text": "Two<br>lines<br>or four"}),
        ("### Three", "heading", {"level": 3, "text": "Three"}),
        ("- a", "bulleted", {"text": "a"}),
        ("3) a", "numbered", {"marker": ")", "start": 3, "text": "a"}),
        ("- [x] a", "todo", {"checked": True, "text": "a"}),
        ("- [ ]", "todo", {"checked": False, "text": ""}),
        ("> a", "quote", {"text": "a"}),
        ("```py\nx\n```", "code", {"language": "py", "text": "x"}),
        ("```{.py a=1}\nx\n```", "code", {"language": "py", "info": "{.py a=1}", "text": "x"}),
        ("    x", "code", {"language": "", "indented": True, "text": "x"}),
        ("|a|b|\n|-|:-:|\n|1|`\\|`|", "table", {"rows": [["a", "b"], ["1", "`|`"]], "align": [None, "center"]}),
        ("![a *b*](u.png 'T')", "image", {"url": "u.png", "alt": "a *b*", "title": "T"}),
        ("---", "divider", {}),
        ("<b>\nx\n</b>", "html", {"text": "<b>\nx\n</b>"}),
        ("> [!TIP] Title\n> a", "callout", {"kind": "tip", "title": "Title", "marker": ">", "text": "a"}),
        ('!!! note "T"\n    a', "callout", {"kind": "note", "title": "T", "marker": "!!!", "text": "a"}),
        ("[a  b]: <u v> 'T'", "definition", {"label": "a b", "url": "u%20v", "title": "T"}),
        ('```quire embed\n{"url": "u"}\n```', "embed", {"url": "u"}),
    ],
)
def test_each_construct_becomes_its_block(text: str, block_type: str, data: dict[str, Any]) -> None:
    assert blocks_of(text) == [(block_type, data)]


def test_what_is_inside_a_block_names_its_parent() -> None:
    document = parse("- a\n  - b\n\n    c\n", "x.md")
    a, b, c = document.blocks
    assert "parent" not in a["data"]
    assert (b["data"]["parent"], c["data"]["parent"]) == (a["id"], b["id"])


def test_block_ids_are_unique_and_do_not_change_when_others_come() -> None:
    short, longer = parse("a\n\na\n\nb", "x.md"), parse("new\n\na\n\na\n\nb", "x.md")
    ids = [block["id"] for block in short.blocks]
    assert len(set(ids)) == 3
    assert [block["id"] for block in longer.blocks[1:]] == ids


@pytest.mark.parametrize(
    ("text", "name", "title", "properties"),
    [
        ("---\ntitle: T\nn: 1\n---\n# H", "x.md", "T", {"n": 1}),
        ("a\n\n# H `c` &amp; [l](u) { #x }", "x.md", "H c & l", {}),
        ("## no", "a/b name.md", "b name", {}),
        ("a", "Notes 0123456789abcdef0123456789abcdef.md", "Notes", {}),
        ("---\ndate: 2024-05-01\nat: 2024-05-01 10:00:00\n1: 2\n---\n", "x.md", "x",
         {"date": "2024-05-01", "at": "2024-05-01T10:00:00", "1": 2}),
        ("---\nprose\n---\n", "x.md", "x", {}),
    ],
)  # fmt: skip
def test_title_and_properties(text: str, name: str, title: str, properties: dict[str, Any]) -> None:
    document = parse(text, name)
    assert (document.title, document.properties) == (title, properties)
    json.dumps(document.properties, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\na: [\n---\n", "not valid YAML in line 3"),
        ("---\n- a\n---\n", "not a mapping"),
        ('---\na: "\\0"\n---\n', "U+0000"),
        ('---\na: "\\ud800"\n---\n', "surrogate"),
        ("---\na: !!python/name:os.system\n---\n", "not valid YAML"),
        ("---\na: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
         "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n---\n",
         "more than 10000 values"),
        ("> " * 200 + "deep", "nested"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_a_page_says_why(text: str, reason: str) -> None:
    with pytest.raises(MarkdownError, match=reason.replace("+", r"\+")):
        parse(text, "x.md")


def test_the_importers_notes_are_no_property_of_the_file() -> None:
    document = parse("---\nsource: my own\ntitle: T\n---\n\n# T\n", "a/x.md")
    page = json.loads(json.dumps(document.to_json("a/x.md", "00")))
    assert import_source(page) == {"path": "a/x.md", "sha256": "00", "title_from": "front_matter", "value": "my own"}
    again = Document.from_json(page)
    assert again.properties == {"source": "my own"}
    assert render(again) == "---\ntitle: T\nsource: my own\n---\n\n# T\n"
    assert import_source({"properties": {"source": "my own"}}) is None


def test_a_renamed_page_gets_its_title_written() -> None:
    document = parse("# Old\n", "x.md")
    document.title = "New"
    assert render(document) == "---\ntitle: New\n---\n\n# Old\n"


@pytest.mark.parametrize(
    ("block_type", "data", "text"),
    [
        ("paragraph", {"text": "# no heading"}, "\\# no heading\n"),
        ("paragraph", {"text": "a\n===\n\n1. b"}, "a\n\\===\n1\\. b\n"),
        ("paragraph", {"text": "[a]: /u"}, "\\[a]: /u\n"),
        ("bulleted", {"text": "[x] no to-do"}, "- \\[x] no to-do\n"),
        ("quote", {"text": "[!NOTE]\nno callout"}, "> \\[!NOTE]\n> no callout\n"),
        ("heading", {"level": 9, "text": "a\nb #"}, "###### a b \\#\n"),
        ("code", {"language": "a\nb", "text": "```"}, "````a b\n```\n````\n"),
        ("table", {"rows": [["a|b", "c\nd"], ["1"]]}, "| a\\|b | c<br>d |\n| --- | --- |\n| 1 |  |\n"),
        ("callout", {"text": "a"}, "> [!NOTE]\n> a\n"),
        ("embed", {"url": "u"}, '```quire embed\n{\n  "url": "u"\n}\n```\n'),
    ],
)
def test_blocks_of_other_clients_are_written_so_that_they_stay(
    block_type: str, data: dict[str, Any], text: str
) -> None:
    assert render(Document("x", {}, [{"id": "a", "type": block_type, "data": data}])) == "---\ntitle: x\n---\n\n" + text


def test_blocks_that_are_each_others_parents_are_written_once() -> None:
    blocks: list[Block] = [
        {"id": "a", "type": "quote", "data": {"text": "A", "parent": "b"}},
        {"id": "b", "type": "quote", "data": {"text": "B", "parent": "a"}},
    ]
    assert render(Document("", {}, blocks)) == "> A\n>\n> > B\n"


def stored(text: str) -> list[Block]:
    """Blocks with ids that a server or another client made."""
    blocks = parse(text, "x.md").blocks
    names = {block["id"]: f"s{number}" for number, block in enumerate(blocks)}
    for block in blocks:
        block["id"] = names[block["id"]]
        if "parent" in block["data"]:
            block["data"]["parent"] = names[block["data"]["parent"]]
    return blocks


def aligned(old: str, new: str) -> list[str]:
    return [block["id"] for block in align(stored(old), parse(new, "x.md").blocks)]


def test_unchanged_blocks_keep_their_ids_around_an_insert() -> None:
    ids = aligned("# T\n\na\n\nb\n\nc", "# T\n\na\n\nnew\n\nb\n\nc")
    assert ids[:2] + ids[3:] == ["s0", "s1", "s2", "s3"]
    assert ids[2] not in {"s0", "s1", "s2", "s3"}


def test_an_edited_block_keeps_its_id_and_so_do_its_children() -> None:
    assert aligned("- one two three\n  - child\n\nend", "- one two four\n  - child\n\nend") == ["s0", "s1", "s2"]
    blocks = align(stored("- one two three\n  - child"), parse("- one two four\n  - child", "x.md").blocks)
    assert blocks[1]["data"]["parent"] == "s0"


def test_a_moved_block_keeps_its_id() -> None:
    assert aligned("a\n\nb\n\nc", "c\n\na\n\nb") == ["s2", "s0", "s1"]


def test_among_changed_neighbours_the_similar_ones_are_paired() -> None:
    old = "The quick brown fox jumps\n\nPack my box with jugs"
    new = "Pack my box with five jugs\n\nThe quick brown dog jumps"
    assert aligned(old, new) == ["s1", "s0"]


def test_a_checked_box_and_a_list_item_made_a_to_do_are_edits() -> None:
    assert aligned("- [ ] buy milk\n- feed cat\n", "- [x] buy milk\n- [ ] feed cat\n") == ["s0", "s1"]


def test_a_new_block_never_takes_an_id_that_the_page_shows() -> None:
    old = parse("a", "x.md").blocks
    old[0]["data"]["text"] = "entirely different"
    ids = [block["id"] for block in align(old, parse("entirely different\n\na", "x.md").blocks)]
    assert ids[0] == old[0]["id"]
    assert ids[1] != old[0]["id"]


lines = st.lists(st.sampled_from(["a b c", "a b d", "- a b c", "  - x", "# h", "e", "", "---"]), max_size=12).map(
    "\n\n".join
)


@settings(deadline=None)
@given(lines, lines)
def test_alignment_changes_ids_only(old: str, new: str) -> None:
    before, after = stored(old), parse(new, "x.md").blocks
    answer = align(before, after)
    assert answer == align(before, after)
    assert [content_key(block) for block in answer] == [content_key(block) for block in after]
    ids = [block["id"] for block in answer]
    assert len(set(ids)) == len(ids)
    place = {block["id"]: index for index, block in enumerate(after)}
    for mine, theirs in zip(answer, after, strict=True):
        parent = theirs["data"].get("parent")
        assert mine["data"].get("parent") == (None if parent is None else ids[place[parent]])
    if before == after or old == new:
        assert ids == [block["id"] for block in before]
