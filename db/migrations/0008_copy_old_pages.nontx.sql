-- Copies the old application's pages in transactions of 50 pages, while it goes on writing. Interrupted, it goes on
-- where it was. It may take as long as it needs: it holds no lock that anyone waits for.
-- quire: statement_timeout = 0
call core.mig_0007_copy_all();
