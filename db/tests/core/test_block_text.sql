begin;
select plan(21);
select is(core.block_text(type, data::jsonb), text, description) from (
    values
    ('paragraph', '{"text": "plain"}', 'plain', 'text as it is'),
    (
        'paragraph', '{"text": "a **bold** _word_, `code`, [label](http://x.y \"t\") and ![alt](i.png)"}',
        'a bold word, code, label and alt', 'inline Markdown loses its markers'
    ),
    ('paragraph', '{"text": "snake_case 2 * 3 a*b"}', 'snake_case 2 * 3 a*b', 'what is no marker stays'),
    ('code', '{"text": "a = `b` * _c_"}', 'a = `b` * _c_', 'code as it is'),
    ('html', '{"text": "<p class=x>one</p><p>two</p>"}', 'one  two', 'html without tags'),
    ('callout', '{"kind": "note", "title": "Mind **this**", "text": "and that"}', 'Mind this and that', 'a callout''s title'),
    ('callout', '{"kind": "note", "title": "Alone", "marker": ">"}', 'Alone', 'also without text'),
    ('callout', '{"text": "", "title": null}', '', 'or neither'),
    ('image', '{"url": "http://x.y/z.png", "alt": "a cat"}', 'a cat', 'an image''s alt text, not its address'),
    ('table', '{"rows": [["a", "**b**"], ["c", 1]]}', 'a b c', 'a table''s cells, each once'),
    ('divider', '{"text": "x"}', '', 'a divider has none'),
    (
        'my-chart', '{"title": "Sales", "parent": "b1", "series": [{"name": "EU"}, {"name": "US"}], "n": 3}',
        'Sales EU US', 'strings of a type of one''s own, not its parent'
    ),
    ('paragraph', '{}', '', 'no text'),
    ('paragraph', '{"text": {"deep": ["x"]}}', '{"deep": ["x"]}', 'whatever text is, it is no error'),
    ('table', '{"rows": "x"}', 'x', 'nor what rows is'),
    ('table', '{}', '', 'nor that there are none')
) as t (type, data, text, description);
select is(core.search_vector('page', 'Finished entries'), $$'entri':2A 'finish':1A$$::tsvector, 'a title weighs most');
select
    is(
        core.search_vector('heading', 'x1')::text || core.search_vector('quote', 'x1'),
        $$'x1':1B'x1':1C$$,
        'then a heading'
    );
select ok(core.search_vector('code', 'List<String>') @@ 'string'::tsquery, 'words in angle brackets are words');
select
    lives_ok(
        $$select core.search_vector('code', (select string_agg(md5(n::text) || '-' || md5(n::text || 'x') || '/', ' ')
    from generate_series(1, 3900) as n))$$, '256 KB of compound words fit'
    );
select is(core.tsvector_agg(v), $$'a':1 'b':2$$::tsvector, 'lexemes of rows together')
from (values ('a:1'::tsvector), ('b:1'::tsvector)) as t (v);
select * from finish();
rollback;
