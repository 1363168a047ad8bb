"""What a file says survives the way into blocks and back, whatever Markdown it is."""

from __future__ import annotations

import re
import textwrap

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.markdown import front_matter
from app.markdown.document import Document
from app.markdown.parse import parse
from app.markdown.render import render
from app.markdown.syntax import INLINE

pytestmark = pytest.mark.once

EVERYTHING = textwrap.dedent("""\
    ---
    tags: [a, b]
    date: 2024-05-01
    ---

    # The *title* { #anchor }

    First paragraph\\
    with a hard break and [a link][ref].

    Two lines
    of heading
    ----------

    - tight
    - list
      - nested

        with a second paragraph
      - [x] done
      - [ ] open
    * another list

    3. three

       ```python hl_lines="1"
       print("`")

       ```
    4. four

    1) one

    > A quote
    > > in a quote
    >
    > - list

    > [!WARNING]
    > Careful.

    !!! note "With *title*"
        Body

            code


        ```
        two blank lines above
        ```

    === "Tab"

        ```sh
        ls
        ```

    ??? tip
        Folded

    | a | b\\|c |
    |:--|------:|
    | `x\\|y` | |

    ![alt *text*](a%20b.png "A \\"title\\"")

    ***

    <details>
    <summary>x</summary>

    inside

    </details>

        indented

    ~~~~ {.py}
    ```
    ~~~~

    [ref]: <http://example.org/a b> 'Title'
    [other]: /x
    """)

FRAGMENTS = [
    "", "a", "b *c*", "[ref]", "# h", "## h  g #", "===", "---", "***", "- x", "-", "- [ ] t", "- [X] t", "* x", "+ y",
    "1. n", "7) n", "10. n", "> q", ">", "> > q", "> [!NOTE]", "> [!tip]- T", "```", "```py a", "~~~", "    code",
    "\tcode", "!!! note", '!!! tip "T"', '=== "Tab"', "??? x", "| a | b |", "|---|:-:|", "| c", "<div>", "</div>",
    "<!-- c -->", "<!-- c", "-->", "<b>x</b>", "![i](u)", "![i](u 't')", "[ref]: /u", "[ref]: </u v> 'T'", "[x]:",
    "\\", "a\\", "&amp;", "a\u00a0b", "  ", "{}", "a | b", "- - x", "- ---", "1. - x", "-     code", "- ```", "- > q",
    "- # h", "- | a |", "  |---|", "- <div>", "- ![i](u)",
]  # fmt: skip
INDENTS = ["", "", "", " ", "  ", "   ", "    ", "     ", "      ", "        ", "\t", "> ", ">", "- ", "  > "]
markdown = st.lists(st.tuples(st.sampled_from(INDENTS), st.sampled_from(FRAGMENTS)).map("".join), max_size=10).map(
    lambda lines: "\n" + "\n".join(lines) + "\n"  # no front matter
)


def html(text: str) -> str:
    """What a reader sees: the HTML without the case of markers and without white space between elements."""
    shown = INLINE.render(front_matter.split(text)[1]).lower().replace("<br />", "<br>")
    return re.sub(r"\s+", " ", re.sub(r"\s*(<[^>]*>)\s*", r"\1", shown)).replace("<p></p>", "").strip()


def test_a_file_with_everything_comes_back_the_same() -> None:
    document = parse(EVERYTHING, "docs/everything.md")
    written = render(document)
    assert parse(written, "docs/everything.md") == document
    assert html(written) == html(EVERYTHING)
    assert render(parse(written, "docs/everything.md")) == written


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- a\n- b\n", id="tight list"),
        pytest.param("- a\n\n- b\n", id="loose list"),
        pytest.param("1. a\n   - b\n2. c\n", id="nested in numbers"),
        pytest.param("> a\n> b\n", id="quote"),
        pytest.param('!!! note "T"\n    a\n\n    b\n', id="admonition"),
        pytest.param("[a]: /x\n[b]: /y\n", id="definitions"),
        pytest.param("---\ntitle: T\ntags:\n- a\n---\n\nText\n", id="front matter"),
        pytest.param("| a | b |\n| :---: | --- |\n| 1 | x \\| y |\n", id="table"),
        pytest.param("````md\n```\n````\n", id="fence in a fence"),
        pytest.param("- [x] done\n- [ ] open\n", id="to-dos"),
        pytest.param("> [!NOTE]\n> Text\n", id="alert"),
    ],
)
def test_plain_files_come_back_letter_by_letter(text: str) -> None:
    assert render(parse(text, "x.md")) == text


@settings(max_examples=200, deadline=None, derandomize=True)
@example("> foo\nbar\n===")
@example("- a\n  -     [ ] literal")
@example("- a\n - b\n  - c\n   - d\n    - e")
@given(markdown)
def test_any_markdown_makes_the_same_blocks_again(text: str) -> None:
    document = parse(text, "x.md")
    written = render(document)
    assert parse(written, "x.md") == document, written
    assert html(written) == html(text), written


texts = st.text(st.sampled_from("ab #->*+=_~`|<>[]()!:\\.1\n\t\"'&{}"), max_size=20)
datas = st.fixed_dictionaries(
    {"text": texts},
    optional={
        "level": st.integers(-1, 9), "checked": st.booleans(), "language": texts, "info": texts, "marker": texts,
        "start": st.integers(-1, 10**12), "loose": st.booleans(), "indented": st.booleans(), "title": texts,
        "rows": st.lists(st.lists(texts, max_size=3), max_size=3), "kind": texts,
        "align": st.lists(st.sampled_from(["left", None]), max_size=3),
        "url": texts, "alt": texts, "label": texts, "fold": texts, "parent": st.sampled_from(["b0", "b1", "b2", "no"]),
    },
)  # fmt: skip
types = st.sampled_from(
    [
        "paragraph",
        "heading",
        "bulleted",
        "numbered",
        "todo",
        "quote",
        "code",
        "table",
        "image",
        "divider",
        "callout",
        "html",
        "definition",
        "my own",
    ]
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(types, datas), max_size=4))
def test_blocks_of_any_client_can_be_written_and_read(blocks: list[tuple[str, dict[str, object]]]) -> None:
    given_blocks = [{"id": f"b{n}", "type": kind, "data": data} for n, (kind, data) in enumerate(blocks)]
    written = render(Document("T", {}, given_blocks))
    again = parse(written, "x.md")
    assert parse(render(again), "x.md") == again


@given(texts)
def test_the_text_of_a_paragraph_stays_a_paragraph(text: str) -> None:
    blocks = parse(render(Document("x", {}, [{"id": "a", "type": "paragraph", "data": {"text": text}}])), "x.md").blocks
    assert [block["type"] for block in blocks] in (["paragraph"], ["image"], [])
