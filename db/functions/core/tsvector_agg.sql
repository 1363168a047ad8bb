-- core.tsvector_agg: the lexemes of several rows as one document, for "all these words on one page".
create or replace aggregate core.tsvector_agg(tsvector) ( -- noqa: LT01
    sfunc = pg_catalog.tsvector_concat,
    stype = tsvector,
    initcond = '',
    parallel = safe
);

comment on aggregate core.tsvector_agg(tsvector) is -- noqa: LT01
'Concatenation of tsvectors. For a few rows: each step copies.';
revoke all on function core.tsvector_agg(tsvector) from public;
