-- ops.tg_old_tables__refuse: writes on what is left of the old application's tables only to be read.
-- PT409 old_table_read_only.
create or replace function ops.tg_old_tables__refuse()
returns trigger
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_instead constant text := case tg_table_name
        when 'blocks' then
            'save blocks through the API: PATCH /v1/workspaces/{workspace_id}/pages/{page_id}'
        else 'Quire''s own workers work on the queue: stop those of the old application'
    end;
begin
    raise exception '% on % is refused: %', tg_op, tg_table_name, v_instead
        using errcode = 'PT409', constraint = 'old_table_read_only',
        detail = jsonb_build_object('table', tg_table_name, 'operation', tg_op)::text;
end;
$$;

comment on function ops.tg_old_tables__refuse() is
'Refuses writes on views that stand for tables of the old application. PT409 old_table_read_only.';
revoke all on function ops.tg_old_tables__refuse() from public;
