"""Real MariaDB and PostgreSQL, in health and in faults: what the probe says, at which stage, within one interval and its
deadline, that reads go on while a full disk stops writes, and that Munin's graphs of them are there."""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

import support
from services import Box, as_user, need
from support import check, wait_for

POSTGRESQL = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/none"))


def fill(path):
    """Takes all room there is; removing the file gives it back."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def hold(box, count, user, *command, **options):
    """So many clients, which end with the test."""
    clients = [subprocess.Popen(as_user(user, *map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, **options) for _ in range(count)]

    def end():
        for client in clients:
            client.kill()
            client.wait()
    box.stack.callback(end)
    return end


class MariaDB:
    def __init__(self, box, stack):
        self.box, self.port = box, support.free_port()
        home = box.directory / "mariadb"
        stack.enter_context(support.tmpfs(home, 220))
        box.home("mariadb", "mysql")
        self.data, self.socket = home / "data", home / "sock"
        self.options = ["--no-defaults", f"--datadir={self.data}", "--innodb-log-file-size=8M",
                        "--innodb-buffer-pool-size=16M", "--innodb-fast-shutdown=2"]
        box.run("mysql", "mariadb-install-db", *self.options, "--auth-root-authentication-method=socket",
                "--auth-root-socket-user=mysql", "--skip-test-db", cwd=home)
        self.start()
        wait_for(lambda: self.try_sql("SELECT 1"), 30, "MariaDB answers")
        self.sql("CREATE DATABASE magpie; CREATE USER magpie@'%' IDENTIFIED BY 'sesame'; "
                 "GRANT PROCESS, BINLOG MONITOR, REPLICA MONITOR ON *.* TO magpie@'%'; "
                 "GRANT CREATE, DROP, INSERT, SELECT ON magpie.* TO magpie@'%'; "
                 "CREATE USER holder@'%' IDENTIFIED BY 'sesame'")

    def start(self):
        self.box.start("mysql", "mysql", "mariadbd", *self.options, f"--socket={self.socket}", f"--port={self.port}",
                       "--bind-address=127.0.0.1", "--max-connections=10", "--log-bin", "--server-id=1",
                       cwd=self.box.directory / "mariadb")

    def sql(self, text):
        return self.box.run("mysql", "mariadb", "--no-defaults", "-S", self.socket, "-NBe", text)

    def try_sql(self, text):
        try:
            return self.sql(text)
        except AssertionError:
            return None

    def faults(self, services, secret):
        box = self.box
        box.healthy("mysql")
        wait_for(lambda: "Threads_connected" in box.fields("mysql_connections"), 10, "graphs of MariaDB")
        figures = [box.fields("mysql_connections"), box.fields("mysql_bin_relay_log"), box.fields("mysql_innodb_bpool")]
        check(figures[0]["max_connections"] == 10 and "ma_binlog_size" in figures[1] and figures[2]["ib_bpool_size"] > 100,
              "figures of SHOW STATUS, SHOW VARIABLES, SHOW BINARY LOGS and InnoDB")
        check(self.sql("SHOW TABLES FROM magpie") == "", "the canary leaves nothing behind")
        secret.write_text("wrong\n")
        box.expect("mysql", "refuses user or password", up=0, stage=3)
        secret.write_text("sesame\n")
        box.expect("mysql", up=1)
        end = hold(box, 10, "mysql", "mariadb", "--no-defaults", "-h127.0.0.1", f"-P{self.port}", "-uholder", "-psesame",
                   "-e", "SELECT SLEEP(60)")
        box.expect("mysql", "takes no more connections", up=0, seconds=8)
        check(box.fields("probe_mysql")["stage"] in (2, 3), "a full table is told before or at the login")
        self.sql("KILL USER holder")
        end()
        box.expect("mysql", up=1)
        self.full_disk(services)
        self.locked(services)
        box.frozen_killed_back("mysql", self.start)
        check(float(self.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects'").split()[1]) < 3, "no connection of ours was a broken one")

    def full_disk(self, services):
        """Another service of the same server is added, so that its first canary falls into the fault."""
        box = self.box
        fill(self.data / "filler")
        box.watch({**services, "mysql_disk": {**services["mysql"], "kind": "mysql", "metrics": "no"}})
        box.expect("mysql_disk", "write: ", up=0, stage=5, canary=0, seconds=10)
        check(box.fields("probe_mysql")["up"] == 1, "reads go on")
        (self.data / "filler").unlink()
        box.expect("mysql_disk", up=1, canary=1, seconds=10)

    def locked(self, services):
        """All writes wait: the canary hangs, and the next one is not begun beside it."""
        box = self.box
        end = hold(box, 1, "mysql", "mariadb", "--no-defaults", "-S", self.socket, "-e",
                   "FLUSH TABLES WITH READ LOCK; SELECT SLEEP(60)")
        sleeper = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SL%'"
        number = wait_for(lambda: self.sql(sleeper).strip(), 10, "all writes wait for a lock")
        box.watch({**services, "mysql_lock": {**services["mysql"], "kind": "mysql", "metrics": "no"}})
        box.expect("mysql_lock", "still hangs", up=0, stage=5, canary=0, seconds=10)
        threads = max(self.writers() for _ in range(20))
        check(threads <= 3, f"writes that hang do not pile up ({threads} connections)")
        self.sql(f"KILL {number}")
        end()
        box.expect("mysql_lock", up=1, canary=1, seconds=10)

    def writers(self):
        time.sleep(0.1)  # over two rounds
        return int(self.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'magpie'"))


class PostgreSQL:
    def __init__(self, box):
        self.box, self.port = box, support.free_port()
        self.home = box.home("postgresql", "postgres")
        self.data = self.home / "data"
        words = self.home / "words"
        words.write_text("sesame\n")
        words.chmod(0o644)
        box.run("postgres", POSTGRESQL / "initdb", "-D", self.data, "-U", "postgres", f"--pwfile={words}", "--no-sync",
                "--auth-local=trust", "--auth-host=scram-sha-256", cwd=self.home)
        self.start()
        wait_for(lambda: self.try_sql("SELECT 1"), 30, "PostgreSQL answers")
        self.sql("CREATE ROLE magpie LOGIN PASSWORD 'sesame'")
        self.sql("GRANT pg_monitor TO magpie")
        self.sql("SET password_encryption = 'md5'; CREATE ROLE older LOGIN PASSWORD 'sesame'")
        with open(self.data / "pg_hba.conf", "r+", encoding="ascii") as file:
            rules = file.read()
            file.seek(0)
            file.write("host all older 127.0.0.1/32 md5\nhost all clear 127.0.0.1/32 password\n" + rules)
        self.sql("SELECT pg_reload_conf()")

    def start(self):
        self.box.start("postgresql", "postgres", POSTGRESQL / "postgres", "-D", self.data, "-p", self.port, "-k", self.home,
                       "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=8", "-c", "superuser_reserved_connections=2",
                       "-c", "max_wal_senders=0", "-c", "fsync=off", cwd=self.home)

    def client(self, user="postgres"):
        return [POSTGRESQL / "psql", "-h", self.home, "-p", self.port, "-U", user, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qAtc"]

    def sql(self, text):
        return self.box.run("postgres", *self.client(), text, cwd=self.home)

    def try_sql(self, text):
        try:
            return self.sql(text)
        except AssertionError:
            return None

    def faults(self, secret):
        box = self.box
        box.healthy("postgresql")
        box.healthy("postgresql_md5")
        box.expect("postgresql_clear", "wants the password itself", up=0, stage=3)
        wait_for(lambda: "postgres" in box.fields("postgres_size_ALL"), 10, "graphs of PostgreSQL")
        check({"commit", "rollback"} <= set(box.fields("postgres_transactions_ALL")), "transactions are graphed")
        check(box.fields("postgres_xlog")["segments"] >= 1, "segments of the log are counted")
        secret.write_text("wrong\n")
        box.expect("postgresql", "(28P01)", up=0, stage=3)
        secret.write_text("sesame\n")
        box.expect("postgresql", up=1)
        end = hold(box, 8, "postgres", *self.client("magpie"), "SELECT pg_sleep(60)", cwd=self.home)
        box.expect("postgresql", "(53300)", up=0, seconds=8)
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_s%'")
        end()
        box.expect("postgresql", up=1)
        box.frozen_killed_back("postgresql", self.start)
        self.stopping()

    def stopping(self):
        """Told to end while somebody is connected: it waits, and takes nobody any more."""
        end = hold(self.box, 1, "postgres", *self.client(), "SELECT pg_sleep(60)", cwd=self.home)
        wait_for(lambda: "pg_sleep" in (self.try_sql("SELECT query FROM pg_stat_activity WHERE query LIKE 'SELECT pg_s%'") or ""),
                 10, "somebody is connected")
        os.kill(self.box.processes["postgresql"].pid, signal.SIGTERM)
        self.box.expect("postgresql", "(57P03)", up=0, stage=2)
        end()


def scenario():
    need("mariadbd", "mariadb-install-db", "mariadb", str(POSTGRESQL / "postgres"), "setpriv")
    with contextlib.ExitStack() as stack:
        box = Box(stack)
        secrets = [box.secret(name, "sesame") for name in ("mysql.pw", "postgresql.pw", "other.pw")]
        maria = MariaDB(box, stack)
        postgres = PostgreSQL(box)
        address = f"127.0.0.1:{postgres.port}"
        services = {"mysql": {"address": f"127.0.0.1:{maria.port}", "user": "magpie", "password_file": secrets[0]},
                    "postgresql": {"address": address, "user": "magpie", "password_file": secrets[1]},
                    "postgresql_md5": {"kind": "postgresql", "address": address, "user": "older", "password_file": secrets[2],
                                       "metrics": "no"},
                    "postgresql_clear": {"kind": "postgresql", "address": address, "user": "clear", "password_file": secrets[2]}}
        box.watch(services)
        maria.faults(services, secrets[0])
        postgres.faults(secrets[1])


support.main(scenario)
