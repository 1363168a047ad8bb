-- Each adopted page's first entry in the log of changes, and the old queue: what waited, what failed, what was done
-- in the last 7 days.
-- quire: statement_timeout = 0
call core.mig_0010_carry_over();
