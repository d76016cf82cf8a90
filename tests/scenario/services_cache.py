"""Real Redis, memcached and RabbitMQ, in health and in faults: what the probe says, at which stage, within one interval and
its deadline, and that Munin's graphs of them are there."""
import contextlib
import os
import socket

import support
from services import Box, need
from support import check, wait_for

RABBITMQ = "/usr/lib/rabbitmq/bin"


class Lines:
    """A dialogue of lines with a service."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def ask(self, *lines):
        for line in lines:
            self.socket.sendall(line.encode() + b"\r\n")
        return self.file.readline().decode().strip()

    def close(self):
        self.file.close()
        self.socket.close()


def redis(box, port):
    def start():
        home = box.home("redis", "redis")
        box.start("redis", "redis", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", home, "--save", "3600 1000000",
                  "--busy-reply-threshold", "100")
    start()
    return start


def redis_faults(box, port, start):
    box.healthy("redis")
    check({"used_memory", "used_memory_peak", "used_memory_rss"} <= set(box.fields("redis_used_memory")), "graphs of Redis")
    control = Lines(port)
    for name, on, off, words, expected in (
            ("full memory", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "(OOM)", {"stage": 5, "canary": 0}),
            ("a replica", f"REPLICAOF 127.0.0.1 {support.free_port()}", "REPLICAOF NO ONE", "(READONLY)",
             {"stage": 5, "canary": 0}),
            ("a password", "CONFIG SET requirepass other", "CONFIG SET requirepass \"\"", "(WRONGPASS)", {"stage": 3}),
            ("no place", "CONFIG SET maxclients 1", "CONFIG SET maxclients 100", "maxclients", {"stage": 2})):
        check(control.ask(on) == "+OK", f"{name}: {on}")
        box.expect("redis", words, up=0, **expected)
        check(control.ask(off) == "+OK", f"{name} is over")
        box.expect("redis", up=1, canary=1)
    wrong_save(box, control)
    busy(box, control, port)
    box.frozen_killed_back("redis", start)


def wrong_save(box, control):
    """A directory stands where the file has to go, so that each save fails."""
    place = box.directory / "redis" / "dump.rdb"
    place.mkdir()
    control.ask("BGSAVE")
    box.expect("redis", "(MISCONF)", up=0, stage=5, canary=0)
    place.rmdir()
    control.ask("BGSAVE")
    box.expect("redis", up=1, canary=1)


def busy(box, control, port):
    control.socket.sendall(b"EVAL \"while true do end\" 0\r\n")
    box.expect("redis", "(BUSY)", up=0, stage=4)
    killer = Lines(port)
    check(killer.ask("SCRIPT KILL") == "+OK", "the script is killed")
    killer.close()
    control.close()
    box.expect("redis", up=1, canary=1)


def memcached(box, port):
    def start():
        box.start("memcached", "memcache", "memcached", "-p", port, "-l", "127.0.0.1", "-U", "0", "-M", "-m", "4")
    start()
    return start


def memcached_faults(box, port, start):
    box.healthy("memcached")
    check("memcache_curr_items" in box.fields("memcached_counters"), "graphs of memcached")
    fill = socket.create_connection(("127.0.0.1", port), timeout=20)
    answers = fill.makefile("rb")
    count = 0
    while count < 300000:  # keys and values as long as the canary's, as memory is parted by size
        fill.sendall(b"".join(b"set k%030d 0 0 8\r\n01234567\r\n" % n for n in range(count, count + 1000)))
        count += 1000
        if any(b"out of memory" in answers.readline() for _ in range(1000)):
            break
    box.expect("memcached", "out of memory", up=0, stage=5, canary=0)
    fill.sendall(b"flush_all\r\n")
    box.expect("memcached", up=1, canary=1)
    fill.close()
    box.frozen_killed_back("memcached", start)


def rabbitmq_environment(box, port):
    home = box.directory / "rabbitmq"
    ports = [support.free_port() for _ in range(2)]
    return dict(os.environ, HOME=str(home), RABBITMQ_NODENAME=f"magpie{port}@localhost", RABBITMQ_MNESIA_BASE=f"{home}/mnesia",
                RABBITMQ_LOG_BASE=f"{home}/log", RABBITMQ_NODE_PORT=str(port), RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
                RABBITMQ_DIST_PORT=str(ports[0]), ERL_EPMD_PORT=str(ports[1]), ERL_EPMD_ADDRESS="127.0.0.1",
                RABBITMQ_CONFIG_FILE=f"{home}/rabbitmq", RABBITMQ_ENABLED_PLUGINS_FILE=f"{home}/plugins",
                RABBITMQ_PID_FILE=f"{home}/pid", RABBITMQ_CONF_ENV_FILE="/dev/null",
                RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}")


def rabbitmq(box, port, management):
    home = box.home("rabbitmq", "rabbitmq")
    environment = rabbitmq_environment(box, port)
    (home / "plugins").write_text("[rabbitmq_management].\n")
    (home / "rabbitmq.conf").write_text(f"management.tcp.port = {management}\nmanagement.tcp.ip = 127.0.0.1\n")
    box.start("epmd", "rabbitmq", "epmd", env=environment)

    def start():
        box.start("rabbitmq", "rabbitmq", f"{RABBITMQ}/rabbitmq-server", env=environment)
    start()
    return start, lambda *words: box.run("rabbitmq", f"{RABBITMQ}/rabbitmqctl", *words, env=environment)


def rabbitmq_faults(box, secret, control):
    box.healthy("rabbitmq", seconds=60)
    wait_for(lambda: "connections" in box.fields("rabbitmq_connections"), 20, "graphs of RabbitMQ")
    control("set_vm_memory_high_watermark", "0.0001")
    box.expect("rabbitmq", "publishers are blocked: low on memory", up=0, stage=5, canary=0)
    control("set_vm_memory_high_watermark", "0.6")
    box.expect("rabbitmq", up=1, canary=1)
    control("set_disk_free_limit", "900000GB")
    box.expect("rabbitmq", "publishers are blocked: low on disk", up=0, stage=5, canary=0)
    control("set_disk_free_limit", "1MB")
    box.expect("rabbitmq", up=1, canary=1, seconds=20)
    secret.write_text("wrong\n")
    box.expect("rabbitmq", "refuses user or password", up=0, stage=3)
    secret.write_text("guest\n")
    box.expect("rabbitmq", up=1)
    box.stop("rabbitmq")
    box.expect("rabbitmq", "greet: no answer", up=0, stage=2)
    box.go_on("rabbitmq")
    box.expect("rabbitmq", up=1)
    box.end("rabbitmq")
    box.expect("rabbitmq", "connect: ", up=0, stage=1)


def scenario():
    need("redis-server", "memcached", f"{RABBITMQ}/rabbitmq-server", "epmd", "setpriv")
    with contextlib.ExitStack() as stack:
        box = Box(stack)
        ports = {name: support.free_port() for name in ("redis", "memcached", "rabbitmq", "management")}
        secret = box.secret("guest", "guest")
        _, control = rabbitmq(box, ports["rabbitmq"], ports["management"])
        redis_start = redis(box, ports["redis"])
        memcached_start = memcached(box, ports["memcached"])
        box.watch({"redis": {"address": f"127.0.0.1:{ports['redis']}", "password_file": box.secret("redis.pw", "sesame")},
                   "memcached": {"address": f"127.0.0.1:{ports['memcached']}"},
                   "rabbitmq": {"address": f"127.0.0.1:{ports['rabbitmq']}", "user": "guest", "password_file": secret,
                                "status": f"127.0.0.1:{ports['management']}"}})
        redis_faults(box, ports["redis"], redis_start)
        memcached_faults(box, ports["memcached"], memcached_start)
        rabbitmq_faults(box, secret, control)


support.main(scenario)
