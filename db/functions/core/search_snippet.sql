-- core.search_snippet: a piece of text around a query's words, as HTML: the text escaped, the words in <mark>. Escaped
-- first, so that nothing but our own marks can be an element; the parser reads an entity as one token. NULL: the start.
create or replace function core.search_snippet(
    p_text text,
    p_query tsquery
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    -- ts_headline takes milliseconds for 50,000 characters
    v_text text := left(p_text, case when p_query is null then 200 else 50000 end);
begin
    v_text := replace(replace(replace(v_text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;');
    v_text := replace(replace(v_text, '"', '&quot;'), '''', '&#39;');
    if p_query is null then
        return v_text;
    end if;
    return ts_headline(
        'pg_catalog.english'::regconfig, v_text, p_query,
        'StartSel=<mark>, StopSel=</mark>, ' || case
            -- a short text is shown whole: fragments would cut it down to the words found
            when length(v_text) <= 200 then 'HighlightAll=true'
            else 'MaxWords=35, MinWords=15, MaxFragments=2, FragmentDelimiter=" … "'
        end
    );
end;
$$;

comment on function core.search_snippet(text, tsquery) is
'Excerpt around a query''s words as safe HTML: escaped text, words in <mark>.';
revoke all on function core.search_snippet(text, tsquery) from public;
