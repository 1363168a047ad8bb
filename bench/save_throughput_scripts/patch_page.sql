-- A save as the API makes it.
\set p random(1, :pages)
\set b random(1, :blocks)
\set v random(1, 1000000000)
select status
from api.patch_page(
    '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002',
    ('00000000-0000-4000-8000-' || lpad(:p::text, 12, '0'))::uuid, '{*}', null,
    '[{"op": "replace", "path": "/blocks/b' || :b::text || '/data/text", "value": '
    || '"lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed ' || :v::text || '"}]',
    'patch', 100::smallint, 'minimal'
);
