-- core.search_vector: lexemes of an entry, weighted by where they stand: title A, heading B, other text C.
-- Angle brackets become spaces first: the parser would take List<String> for a tag and drop it.
create or replace function core.search_vector(
    p_type text,
    p_text text
)
returns tsvector
language sql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    -- 150,000 characters: a tsvector holds 1 MB, and text made of compound words grows sixfold (the test has one)
    select setweight(
        to_tsvector('pg_catalog.english'::regconfig, translate(left(p_text, 150000), '<>', '  ')),
        case p_type when 'page' then 'A' when 'heading' then 'B' else 'C' end::"char"
    );
$$;

comment on function core.search_vector(text, text) is
'English lexemes of a text: weight A for a page''s title, B for a heading, C otherwise. The first 150,000 characters.';
revoke all on function core.search_vector(text, text) from public;
