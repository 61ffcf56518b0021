-- The least a syncd daemon needs of PostgreSQL. Two roles: the owner brings the tables along (`syncd migrate`), the
-- daemon only works with their rows. It can make, change or drop no table, and reaches no other schema.
--
--   psql -v ON_ERROR_STOP=1 -d syncd -f deploy/postgresql-role.sql         as a superuser, in syncd's database
--   \password syncd_owner    \password syncd
--
-- Then `syncd migrate` as syncd_owner (its own [database] url), this file once more, and the daemon as syncd. With the
-- tables there, the file also takes from the daemon what nobody may do: change or delete a movement.

DO $$
DECLARE
    here text := current_database();
    who  text;
BEGIN
    FOREACH who IN ARRAY ARRAY['syncd_owner', 'syncd'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = who) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', who);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', here, who);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', here);  -- nobody else comes in
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO syncd_owner;
GRANT USAGE ON SCHEMA public TO syncd;

-- Rows of the tables there are, and of those later versions bring.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO syncd;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO syncd;
ALTER DEFAULT PRIVILEGES FOR ROLE syncd_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO syncd;
ALTER DEFAULT PRIVILEGES FOR ROLE syncd_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO syncd;

-- The log of movements is only ever added to; which version the tables have is the owner's to say.
DO $$
BEGIN
    IF to_regclass('public.movement') IS NOT NULL THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON public.movement FROM syncd;
    END IF;
    IF to_regclass('public.alembic_version') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON public.alembic_version FROM syncd;
    END IF;
END
$$;
