-- core.block_text: what of a block's data a reader would call its text: for full text, embedding and snippets.
-- Known types: data.text without Markdown's markers (code as it is, html without tags), a callout's title before it, an
-- image's alt text, a table's cells. A type of the client's own: all its strings. Never an error, whatever the data.
create or replace function core.block_text(
    p_type text,
    p_data jsonb
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_text text;
begin
    if p_type = 'divider' then
        return '';
    elsif p_type = 'code' and p_data ? 'text' then
        return coalesce(p_data ->> 'text', '');
    elsif p_type = 'html' and p_data ? 'text' then
        return btrim(regexp_replace(coalesce(p_data ->> 'text', ''), '<[^>]*>', ' ', 'g'));
    elsif p_type = 'image' then
        v_text := concat_ws(' ', p_data ->> 'alt', p_data ->> 'text');
    elsif p_type = 'callout' and p_data ?| '{title,text}' then
        v_text := concat_ws(' ', p_data ->> 'title', p_data ->> 'text');
    elsif p_type in ('paragraph', 'heading', 'bulleted', 'numbered', 'todo', 'quote') and p_data ? 'text' then
        v_text := coalesce(p_data ->> 'text', '');
    else
        -- strict: lax mode would give the members of arrays twice
        select coalesce(string_agg(s.value #>> '{}', ' '), '')
        into v_text
        from jsonb_path_query(
            case when p_type = 'table' then p_data -> 'rows' else p_data - 'parent' end, 'strict $.**'
        ) as s (value)
        where jsonb_typeof(s.value) = 'string';
        if p_type <> 'table' then
            return v_text;
        end if;
    end if;
    -- a link or image keeps its label; emphasis and code lose their markers where a word begins or ends
    v_text := regexp_replace(v_text, '!?\[([^][]*)\]\([^()\s]*(?:\s+"[^"]*")?\)', '\1', 'g');
    v_text := regexp_replace(
        v_text, '(?<![[:alnum:]])[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?![[:alnum:]])|~~|`', '', 'g'
    );
    return btrim(v_text);
end;
$$;

comment on function core.block_text(text, jsonb) is 'Plain searchable text of a block; empty when it has none.';
revoke all on function core.block_text(text, jsonb) from public;
