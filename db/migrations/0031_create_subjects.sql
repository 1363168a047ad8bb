-- squawk-ignore-file ban-drop-function
-- Who somebody is whose identity another service vouches for (JWT), and functions that say who used them: they come
-- back with more parameters, which may be left out.
set local role quire_owner;

create table core.subjects (
    issuer text not null,
    subject text not null,
    user_id uuid not null,
    created_at timestamptz not null,
    last_seen_at timestamptz,
    disabled_at timestamptz,
    constraint subjects_pk primary key (issuer, subject),
    constraint subjects_user_fk foreign key (user_id) references core.users (id) on delete cascade,
    constraint subjects_issuer_ck check (length(issuer) between 1 and 500),
    constraint subjects_subject_ck check (length(subject) between 1 and 255)
);
create index subjects_user_ix on core.subjects (user_id);
comment on table core.subjects is
'Identities that an issuer of JWTs vouches for, and whose users they are. A user may have several, and tokens beside.';
comment on column core.subjects.issuer is 'Claim iss, as QUIRE_JWT_ISSUER names it.';
comment on column core.subjects.subject is
'Claim sub (or QUIRE_JWT_USER_CLAIM): stable at its issuer, never given to another there.';
comment on column core.subjects.user_id is 'The user that requests of this subject act as.';
comment on column core.subjects.created_at is 'When it was linked, or first seen (QUIRE_JWT_CREATE_USERS).';
comment on column core.subjects.last_seen_at is 'Last use, to the hour, as core.tokens.last_used_at.';
comment on column core.subjects.disabled_at is
'Since when it is refused, whatever its issuer says; the row stays, so that it is not made anew. NULL: let in.';
comment on index core.subjects_pk is 'api.admit_subject finds the user of a request.';
comment on index core.subjects_user_ix is 'Subjects of a user; supports the foreign key.';

comment on table core.workspace_members is
'Who may do what in a workspace. Nobody else sees its pages, not even with an admin token; that one manages members.';
comment on column core.tokens.revoked_at is
'From when on it is revoked: later than now while the grace of a rotation runs. NULL: valid.';
comment on table core.audit_log is
'What operators did, who changed members and who restored pages, written in the transaction that did it
(core.write_audit). Kept 365 days (ops.purge_audit_log). No foreign keys: it outlives users, tokens and workspaces.';
comment on column core.audit_log.actor_token_id is
'With which token; NULL likewise, for a JWT, and where pages are restored.';

drop function if exists ops.create_token(uuid, bytea, text, text[], timestamptz);
drop function if exists ops.revoke_token(uuid);
drop function if exists ops.list_tokens();
drop function if exists ops.create_user(text);
drop function if exists ops.create_workspace(text);
drop function if exists ops.add_member(uuid, uuid, text);
