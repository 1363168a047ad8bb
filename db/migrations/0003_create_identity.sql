-- Users, tokens and membership. Workspaces themselves come over from the old application (0009).
set local role quire_owner;

create table core.users (
    id uuid not null,
    name text not null,
    created_at timestamptz not null,
    constraint users_pk primary key (id),
    constraint users_name_uq unique (name),
    constraint users_name_ck check (length(name) between 1 and 200)
);
comment on table core.users is
'People and machines that own tokens. Global: a user may be a member of many workspaces.';
comment on column core.users.id is 'UUIDv7 from core.new_id().';
comment on column core.users.name is 'Login name or e-mail address, unique in the installation.';
comment on column core.users.created_at is 'When the user was made.';
comment on index core.users_pk is 'Users by id.';
comment on index core.users_name_uq is 'One user a name.';

create table core.tokens (
    id uuid not null,
    user_id uuid not null,
    token_hash bytea not null,
    name text not null,
    scopes text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    constraint tokens_pk primary key (id),
    constraint tokens_hash_uq unique (token_hash),
    constraint tokens_user_fk foreign key (user_id) references core.users (id) on delete cascade,
    constraint tokens_hash_ck check (octet_length(token_hash) = 32),
    constraint tokens_scopes_ck check (
        scopes <@ array['read', 'write', 'admin', 'metrics', 'bypass_rate_limit'] and cardinality(scopes) > 0
    )
);
create index tokens_user_ix on core.tokens (user_id);
comment on table core.tokens is
'Bearer tokens, stored only as SHA-256: the token itself is shown once, when it is made.';
comment on column core.tokens.id is 'UUIDv7; what a list or a revoke names, never the token.';
comment on column core.tokens.user_id is 'Whose token it is.';
comment on column core.tokens.token_hash is 'sha256 of the token, 32 bytes.';
comment on column core.tokens.name is 'What its owner calls it.';
comment on column core.tokens.scopes is
'Of read, write, admin (operator of the installation), metrics, bypass_rate_limit.';
comment on column core.tokens.created_at is 'When the token was made.';
comment on column core.tokens.expires_at is 'From then on it is refused; NULL never expires.';
comment on column core.tokens.revoked_at is 'Since when it is revoked; NULL is valid.';
comment on column core.tokens.last_used_at is 'Last use, to the hour (written at most once an hour, to spare WAL).';
comment on index core.tokens_pk is 'Tokens by id.';
comment on index core.tokens_hash_uq is 'api.admit finds the token of a request.';
comment on index core.tokens_user_ix is 'Tokens of a user; supports the foreign key.';

create table core.rate_policies (
    name text not null,
    points integer not null,
    window_seconds integer not null,
    block_seconds integer not null,
    per text not null,
    mode text not null,
    on_failure text not null,
    constraint rate_policies_pk primary key (name),
    constraint rate_policies_points_ck check (points between 1 and 10000),
    constraint rate_policies_window_ck check (window_seconds between 1 and 86400),
    constraint rate_policies_block_ck check (block_seconds between 0 and 86400),
    constraint rate_policies_per_ck check (per in ('user', 'workspace', 'token')),
    constraint rate_policies_mode_ck check (mode in ('enforce', 'dry-run')),
    constraint rate_policies_failure_ck check (on_failure in ('open', 'closed'))
);
comment on table core.rate_policies is 'Rate limits as rows: changed without a deploy. Every route belongs to one.';
comment on column core.rate_policies.name is 'As it stands in the RateLimit-Policy header.';
comment on column core.rate_policies.points is 'How many points fit in a window; a save costs one.';
comment on column core.rate_policies.window_seconds is 'Length of the sliding window, seconds.';
comment on column core.rate_policies.block_seconds is 'How long a key that went over is blocked, seconds.';
comment on column core.rate_policies.per is 'What is counted: user, workspace or token.';
comment on column core.rate_policies.mode is 'enforce, or dry-run: decide and report, refuse nobody.';
comment on column core.rate_policies.on_failure is
'When the bucket cannot be locked in time: open lets in, closed refuses.';
comment on index core.rate_policies_pk is 'Policies by name.';

insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure) values
('page-save', 30, 60, 60, 'user', 'enforce', 'open'),
('page-read', 1200, 60, 0, 'user', 'enforce', 'open'),
('search', 300, 60, 0, 'user', 'enforce', 'open');

create unlogged table core.rate_buckets (
    policy text not null,
    key text not null,
    hits timestamptz[] not null,
    blocked_until timestamptz,
    ok boolean not null,
    hit_at timestamptz not null,
    constraint rate_buckets_pk primary key (policy, key)
) with (fillfactor = 50);
comment on table core.rate_buckets is
'Sliding log of hits, one row a policy and key. UNLOGGED: empty after a crash (windows start anew), no WAL for a hit.';
comment on column core.rate_buckets.policy is 'core.rate_policies.name.';
comment on column core.rate_buckets.key is 'What is counted: the id of the user, workspace or token, as text.';
comment on column core.rate_buckets.hits is 'Times of the points still inside the window, oldest first.';
comment on column core.rate_buckets.blocked_until is 'Until when every hit is refused; NULL when not blocked.';
comment on column core.rate_buckets.ok is
'Whether the latest hit was let in (read back by the statement that wrote it).';
comment on column core.rate_buckets.hit_at is 'Time of the latest decision.';
comment on index core.rate_buckets_pk is 'The only index: any other would end HOT updates.';
