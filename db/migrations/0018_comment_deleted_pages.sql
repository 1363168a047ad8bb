-- Apart from 0017, which PostgreSQL wants alone.
set local role quire_owner;

comment on index core.pages_deleted_ix is
'What the purge of deleted pages takes, in key order; never changed by a save.';
