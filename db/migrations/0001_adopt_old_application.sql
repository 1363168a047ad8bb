-- The chain starts at the schema of the old application. An adopter's database has these tables already, filled; a new
-- database gets them empty, so that both take the same way from here.
-- squawk-ignore-file prefer-identity
create extension if not exists vector with schema public;

create table if not exists public.workspaces (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    created_at timestamptz not null default now()
);

create table if not exists public.pages (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references public.workspaces (id) on delete cascade,
    title text not null default '',
    properties jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table if not exists public.blocks (
    id uuid primary key default gen_random_uuid(),
    page_id uuid not null references public.pages (id) on delete cascade,
    position integer not null,
    type text not null,
    data jsonb not null default '{}',
    updated_at timestamptz not null default now()
);
create index if not exists blocks_page_position_idx on public.blocks (page_id, position);

create table if not exists public.indexing_queue (
    id bigserial primary key,
    page_id uuid not null,
    block_ids uuid[] not null,
    action text not null default 'upsert',
    status text not null default 'pending',
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null default now(),
    processed_at timestamptz
);
