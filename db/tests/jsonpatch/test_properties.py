"""Properties of the jsonpatch schema on any JSON, with Python's jsonpatch package and RFC 7396's own text as oracles.

Values are compared by PostgreSQL as jsonb, never by Python, to which True is 1.
"""

import json
from typing import Any, cast

import jsonpatch
import psycopg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

Connection = psycopg.Connection[Any]

# one connection serves all examples of a test: no example changes anything
RELAXED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# jsonb has no U+0000 and no lone surrogates
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6)
NAMES = st.sampled_from(["a", "b", "c", "", "a/b", "m~n", "~1", "0", "01", "-1", "-", " 1"]) | TEXT
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
# Arrays of few different values: where common prefixes, suffixes and repeats are likely.
FEW = st.lists(st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=2), max_size=8)
OBJECTS = st.recursive(SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=5), max_leaves=15).filter(
    lambda value: isinstance(value, dict)
)

# For random operations: no booleans (True is 1 to Python's test) and no strings (Python indexes into them).
PLAIN = st.recursive(
    st.none() | st.integers(0, 2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0", "01"]), inner, max_size=3)
    ),
    max_leaves=12,
)
POINTERS = st.lists(st.sampled_from(["a", "b", "0", "1", "2", "3", "01", "-", "-1"]), min_size=1, max_size=3).map(
    lambda tokens: "/" + "/".join(tokens)
)
OPERATIONS = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["add", "replace", "test"]), "path": POINTERS, "value": PLAIN}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": POINTERS}),
    st.fixed_dictionaries({"op": st.sampled_from(["move", "copy"]), "path": POINTERS, "from": POINTERS}),
)


def same(conn: Connection, left: str, right: str) -> bool:
    """Whether two JSON texts are equal as jsonb."""
    row = conn.execute("select %s::jsonb = %s::jsonb", [left, right]).fetchone()
    return row == (True,)


def fetch_text(conn: Connection, query: Any, *documents: str) -> str:
    """The one value of a query, a jsonb, as text."""
    row = conn.execute(query, documents).fetchone()
    assert row is not None
    return str(row[0])


@RELAXED
@given(old=ANY_JSON | FEW, new=ANY_JSON | FEW)
@example(old=[1, 1], new=[1, 1, 1])
@example(old={"a": [1, True]}, new={"a": [True, 1]})
@example(old={"": {"": 1}}, new={"": {"": [1]}})
def test_diff_round_trip(conn: Connection, old: Any, new: Any) -> None:
    before, after = json.dumps(old), json.dumps(new)
    patch = fetch_text(conn, "select jsonpatch.diff(%s, %s)::text", before, after)
    result = fetch_text(conn, "select jsonpatch.apply(%s, %s, 100000)::text", before, patch)
    assert same(conn, result, after), patch
    assert (patch == "[]") == same(conn, before, after)
    # another implementation reads the patch the same way
    assert same(conn, json.dumps(jsonpatch.JsonPatch(json.loads(patch)).apply(old)), after), patch


@RELAXED
@given(old=FEW, tail=FEW, inserted=FEW)
def test_diff_of_one_run_names_only_that_run(
    conn: Connection, old: list[Any], tail: list[Any], inserted: list[Any]
) -> None:
    before, after = json.dumps(old + tail), json.dumps(old + inserted + tail)
    patch = json.loads(fetch_text(conn, "select jsonpatch.diff(%s, %s)::text", before, after))
    assert [operation["op"] for operation in patch] == ["add"] * len(inserted)


@RELAXED
@given(old=OBJECTS, new=OBJECTS)
def test_applies_the_patches_of_another_implementation(conn: Connection, old: Any, new: Any) -> None:
    patch = json.dumps(jsonpatch.make_patch(old, new).patch)
    result = fetch_text(conn, "select jsonpatch.apply(%s, %s)::text", json.dumps(old), patch)
    assert same(conn, result, json.dumps(new)), patch


@settings(RELAXED, max_examples=600)
@given(document=PLAIN, patch=st.lists(OPERATIONS, min_size=1, max_size=3))
def test_applies_as_another_implementation(conn: Connection, document: Any, patch: list[dict[str, Any]]) -> None:
    try:
        expected = json.dumps(jsonpatch.apply_patch(document, patch))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError, IndexError):
        expected = None
    try:
        result = fetch_text(conn, "select jsonpatch.apply(%s, %s)::text", json.dumps(document), json.dumps(patch))
    except psycopg.Error as error:
        assert error.sqlstate == "PT422", error
        assert expected is None, f"{error}: Python says {expected}"
    else:
        assert expected is not None, f"Python refuses what gave {result}"
        assert same(conn, result, expected), result


def merge_by_the_rfc(target: Any, patch: Any) -> Any:
    """MergePatch, word by word from RFC 7396 section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_by_the_rfc(merged.get(name), value)
    return merged


@RELAXED
@given(target=ANY_JSON, patch=ANY_JSON)
def test_merges_as_the_rfc_says(conn: Connection, target: Any, patch: Any) -> None:
    result = fetch_text(conn, "select jsonpatch.merge(%s, %s)::text", json.dumps(target), json.dumps(patch))
    assert same(conn, result, json.dumps(merge_by_the_rfc(target, patch)))


@RELAXED
@given(old=SCALARS, new=SCALARS, names=st.lists(NAMES | st.just("n" * 1500), min_size=1, max_size=70))
def test_diff_round_trip_at_any_depth(conn: Connection, old: Any, new: Any, names: list[str]) -> None:
    for name in names:
        old, new = {name: old, "same": 1}, {name: new, "same": 1}
    before, after = json.dumps(old), json.dumps(new)
    patch = fetch_text(conn, "select jsonpatch.diff(%s, %s)::text", before, after)
    assert same(conn, fetch_text(conn, "select jsonpatch.apply(%s, %s)::text", before, patch), after), patch


@RELAXED
@given(document=OBJECTS, names=st.lists(NAMES, max_size=3), data=st.data())
def test_evaluates_and_tests_as_another_implementation(
    conn: Connection, document: Any, names: list[str], data: st.DataObject
) -> None:
    if data.draw(st.booleans()):
        # down a path that is there
        names, inner = [], document
        while isinstance(inner, dict) and inner:
            members = cast("dict[str, Any]", inner)
            names.append(data.draw(st.sampled_from(sorted(members))))
            inner = members[names[-1]]
    pointer = jsonpatch.JsonPointer.from_parts(names)
    # objects only: Python's pointers go into strings, where there is nothing
    inner = document
    for name in names:
        inner = cast("dict[str, Any]", inner).get(name, ...) if isinstance(inner, dict) else ...
    row = conn.execute(
        "select jsonpatch.evaluate_pointer(%(document)s, %(pointer)s)::text,"
        " jsonpatch.evaluate_pointer(%(document)s, %(pointer)s) = %(value)s::jsonb,"
        " jsonpatch.test(%(document)s, %(tokens)s::text[], %(value)s)",
        {
            "document": json.dumps(document),
            "pointer": pointer.path,
            "tokens": names,
            "value": json.dumps(None if inner is ... else pointer.resolve(document)),
        },
    ).fetchone()
    assert row == ((None, None, False) if inner is ... else (row and row[0], True, True))


@RELAXED
@given(tokens=st.lists(NAMES, max_size=5))
def test_pointers_round_trip(conn: Connection, tokens: list[str]) -> None:
    row = conn.execute("select jsonpatch.pointer_tokens(jsonpatch.build_pointer(%s::text[]))", [tokens]).fetchone()
    assert row == (tokens,)


@RELAXED
@given(depth=st.integers(1, 80), numbers=st.lists(st.integers(-(10**99), 10**99), max_size=5))
def test_checks_depth_at_every_depth(conn: Connection, depth: int, numbers: list[int]) -> None:
    document: Any = numbers
    for level in range(depth - 1):
        document = {"a": document} if level % 2 else [document]
    try:
        conn.execute("select jsonpatch.check_document(%s)", [json.dumps(document)])
    except psycopg.Error as error:
        assert (error.sqlstate, error.diag.constraint_name) == ("PT413", "too_deep")
        assert depth > 64
    else:
        assert depth <= 64
