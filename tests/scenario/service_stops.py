"""A service that stops: a real nginx is found by itself, its probe is well and no rule says anything; then it is frozen,
goes on, and is killed. Each time the problem is on the page within one interval plus the deadline of a round, and pages
why; on its return it ends. So it is when nginx dies while Magpie is away: what was found is remembered, over a stop and
over a kill of the collector and of everything. The rules that come with Magpie are those that judge."""
import os
import shutil
import signal
import subprocess
import time

import support
from support import Server, check, wait_for

INTERVAL, DEADLINE = 10, 5  # of services that are found


def start_nginx(directory, port):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.access(program, os.X_OK):
        support.skip("nginx is not installed")
    conf = directory / "nginx.conf"
    conf.write_text(f"""daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "here\\n"; }} location = /nginx_status {{ stub_status; }} }} }}
""")
    return subprocess.Popen([program, "-c", str(conf), "-p", str(directory)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)


def workers(process):
    return [pid for pid in support.children(process.pid).values()]


def end(process):
    for pid in [*workers(process), process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait(10)


def problem(server, name, states=("pending", "firing")):
    for alert in server.alerts():
        if alert["rule"] == "service_down" and alert["service"] == f"probe_{name}" and alert["state"] in states:
            return alert
    return None


def found(server, port):
    """Name of the probe that asks this port, once it is well."""
    answer = server.try_api("sources")
    for source in answer["sources"] if answer else []:
        if source["kind"] == "service" and source["where"].endswith(f":{port}") and source["state"] in ("ok", "complaining"):
            return source["id"].split("/")[-1]
    return None


def shows(server, name, what):
    began = time.monotonic()
    alert = wait_for(lambda: problem(server, name), INTERVAL + DEADLINE + 2, f"{what}: on the page")
    took = time.monotonic() - began
    check(True, f"{what}: on the page after {took:.1f} s ({alert['state']})")
    alert = wait_for(lambda: problem(server, name, ("firing",)), 2 * INTERVAL + DEADLINE + 2, f"{what}: firing")
    check(alert["level"] == "critical", f"{what}: {alert['summary']}")
    return alert


def asked(server, name):
    """When the dead service was asked last, or None."""
    answer = server.try_api("sources")
    for source in answer["sources"] if answer else []:
        if source["id"].endswith(f"/service/{name}") and source["state"] == "failing":
            return source["next"]
    return None


def stays(server, name, alert, what, act):
    before = wait_for(lambda: asked(server, name), 30, "it is asked")
    act()
    wait_for(lambda: (asked(server, name) or before) > before, 30, f"after {what} it is asked again")
    now = problem(server, name, ("firing",))
    check(now and now["since"] == alert["since"], f"after {what} it is the same problem and fires")


def scenario():
    directory = support.temporary_directory()
    port = support.free_port()
    nginx = start_nginx(directory, port)
    try:
        server = Server("discover yes\n")
        with server:
            name = wait_for(lambda: found(server, port), 90, "nginx is found by itself")
            check(True, f"nginx is found by itself, as {name}")
            time.sleep(INTERVAL)
            check(not problem(server, name), "while it is well no rule says anything")

            for pid in workers(nginx):
                os.kill(pid, signal.SIGSTOP)
            alert = shows(server, name, "frozen workers")
            check("greet" in alert["summary"] or "query" in alert["summary"], "it says at which stage")
            for pid in workers(nginx):
                os.kill(pid, signal.SIGCONT)
            wait_for(lambda: not problem(server, name, ("firing", "pending", "recovering")), 60, "it ends when nginx goes on")
            check(True, "it ends when nginx goes on")

            end(nginx)
            alert = shows(server, name, "killed")
            check("refused" in alert["summary"], "it says why")
            nginx = start_nginx(directory, port)
            wait_for(lambda: not problem(server, name, ("firing", "pending", "recovering")), 60, "it ends when nginx is back")
            check(True, "it ends when nginx is back")

            server.stop()
            end(nginx)
            server.start()
            alert = shows(server, name, "died while Magpie was away")
            stays(server, name, alert, "a kill of the collector", lambda: os.kill(server.roles()["collector"], signal.SIGKILL))
            stays(server, name, alert, "a kill of everything", lambda: (server.kill(), server.start()))
            nginx = start_nginx(directory, port)
            wait_for(lambda: not problem(server, name, ("firing", "pending", "recovering")), 60, "it ends when nginx is back")
            check(found(server, port) == name, "nginx that is back is the one that was known")
    finally:
        if nginx.poll() is None:
            end(nginx)


support.main(scenario)
