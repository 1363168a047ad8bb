-- Apart from 0015, so that its scan happens under a lock that lets saves by.
set local role quire_owner;

alter table core.page_changes validate constraint page_changes_kind_ck;
