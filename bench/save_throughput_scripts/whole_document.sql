-- A save where a page is one jsonb value.
\set p random(1, :pages)
\set b random(1, :blocks)
\set v random(1, 1000000000)
update bench.page
set version = version + 1, document = jsonb_set(
    document, array['blocks', (:b::integer - 1)::text, 'data', 'text'],
    to_jsonb('lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed ' || :v::text)
)
where id = ('00000000-0000-4000-8000-' || lpad(:p::text, 12, '0'))::uuid;
