-- Takes the days' own indexes of dead letters away, on the way back to the parent's.
DO $$
DECLARE
    day text;
BEGIN
    FOR day IN
        SELECT child.relname FROM pg_inherits AS link JOIN pg_class AS child ON child.oid = link.inhrelid
         WHERE link.inhparent = '@schema@.tasks'::regclass AND child.relname <> 'tasks_live'
    LOOP
        EXECUTE format('DROP INDEX IF EXISTS %I.%I', '@schema@', day || '_dead');
    END LOOP;
END $$;
