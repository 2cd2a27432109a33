"""Transactions that a real database undoes: each one's first attempt fails, its second one stands.

On PostgreSQL triggers of the superuser raise what the server raises by itself when transactions meet, at the first row
that a transaction writes or at its COMMIT, or end the connection. Which attempt it is tells a sequence, since the
numbers of a sequence do not come back with a rollback. On SQLite the system refuses the process every longer file, so
that a COMMIT fails as it does on a full disk.
"""

from tests.postgres import Cluster

WAYS = {
    "a conflict at the first row written": ("statement", "40001"),
    "a deadlock found at the commit": ("commit", "40P01"),
    "a connection that ends at the first row written": ("statement", "terminate"),
}
COUNTED = "count"

_SETUP = """
CREATE SEQUENCE transactions_begun;
CREATE TABLE interruption (place text NOT NULL, what text NOT NULL);
CREATE FUNCTION interrupt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    wanted interruption;
    subject record;
BEGIN
    IF TG_OP = 'DELETE' THEN subject := OLD; ELSE subject := NEW; END IF;
    IF TG_TABLE_NAME = 'events' AND TG_OP = 'UPDATE' THEN  -- numbers are given after a commit, by no request
        IF OLD.number IS NULL AND NEW.number IS NOT NULL THEN RETURN subject; END IF;
    END IF;
    SELECT * INTO wanted FROM interruption WHERE place = TG_ARGV[0];
    IF NOT FOUND OR current_setting('test.counted', true) = 'yes' THEN RETURN subject; END IF;
    PERFORM set_config('test.counted', 'yes', true);
    IF nextval('transactions_begun') % 2 = 0 OR wanted.what = 'count' THEN RETURN subject; END IF;
    IF wanted.what = 'terminate' THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
        PERFORM pg_sleep(5);
    END IF;
    RAISE EXCEPTION 'another transaction was in the way' USING ERRCODE = wanted.what;
END $$;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
          AND relname NOT IN ('interruption', 'leases', 'alembic_version')
    LOOP
        EXECUTE format('CREATE TRIGGER interrupts_statement BEFORE INSERT OR UPDATE OR DELETE ON %I'
            ' FOR EACH ROW EXECUTE FUNCTION interrupt(''statement'')', name);
    END LOOP;
    FOR name IN SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
          AND relname NOT IN ('interruption', 'leases', 'alembic_version')
    LOOP
        EXECUTE format('CREATE CONSTRAINT TRIGGER interrupts_commit AFTER INSERT OR UPDATE OR DELETE ON %I'
            ' DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION interrupt(''commit'')', name);
    END LOOP;
END $$;
"""


class Interruptions:
    """The triggers of one database of PostgreSQL. At first they do nothing."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name
        cluster.script(_SETUP, name)

    def begin(self, place: str, what: str) -> None:
        """From now on every other transaction that writes ends so, the first of them included."""
        self._cluster.script(
            "DELETE FROM interruption; SELECT setval('transactions_begun', 1, false);"
            f"INSERT INTO interruption VALUES ('{place}', '{what}')",
            self._name,
        )

    def end(self) -> int:
        """Let all transactions pass; how many were begun since `begin`, attempts counted."""
        self._cluster.script("DELETE FROM interruption", self._name)
        [(last, called)] = self._cluster.command("SELECT last_value, is_called FROM transactions_begun", self._name)
        return int(last) if called else 0
