"""From nothing to a live picture of this host: within 20 s of the start at least 30 graphs and 150 live series, and no
alert, since nothing is wrong here."""
import time

import support


def live_series(server, now):
    answer = server.try_api("series?match=*:*:*")
    rows = answer["series"] if answer else []
    return [row for row in rows if row["last"] and row["last"]["v"] is not None and now - row["last"]["t"] < 40]


def graphs(server):
    host = server.host()
    answer = server.try_api(f"hosts/{host}") if host else None
    return [service for service in answer["services"] if service.get("graph", True)] if answer else []


def scenario():
    server = support.Server()
    started = time.monotonic()
    with server:
        def left():
            return max(20 - (time.monotonic() - started), 0.1)

        shown = support.wait_for(lambda: (g := graphs(server)) and len(g) >= 30 and g, left(), "30 graphs")
        support.check(len(shown) >= 30, f"{len(shown)} graphs within {time.monotonic() - started:.1f} s")
        live = support.wait_for(lambda: (s := live_series(server, time.time())) and len(s) >= 150 and s, left(),
                                "150 live series")
        support.check(len(live) >= 150, f"{len(live)} live series within {time.monotonic() - started:.1f} s")
        names = {service["service"] for service in shown}
        wanted = {"cpu", "load", "memory", "df", "processes", "uptime", "vmstat", "swap", "df_inode", "open_files"}
        support.check(wanted <= names, f"stock graphs are among them (missing: {wanted - names or 'none'})")
        support.check(all(service["title"] and service["category"] for service in shown), "each has a title and a category")
        firing = [alert for alert in server.alerts() if alert["state"] != "pending"]
        support.check(not firing, f"no alert on a healthy machine ({firing})")
        host = server.host()
        picture = server.get(f"/graph/{host}/load.png")
        support.check(picture.status == 200 and picture.body.startswith(b"\x89PNG"), "load is drawn")
        page = server.get("/")
        support.check(page.status == 200 and b"<html" in page.body.lower(), "the first page is served")
        policy = {name.lower(): value for name, value in page.headers.items()}.get("content-security-policy", "")
        support.check("unsafe-inline" not in policy and "default-src 'none'" in policy, "under a strict policy")
        stream = support.EventStream(server, f"?host={host}")
        support.wait_for(lambda: stream.named("hello"), 5, "the stream says hello")
        support.wait_for(lambda: any(data["v"] for data in stream.named("live")), 15, "live values arrive")
        support.check(True, "live values arrive by themselves")
        stream.close()
        status = server.api("status")
        support.check({role["name"] for role in status["roles"]} >= set(support.ROLES), "all roles run")
        support.check(all(role["restarts"] == 0 for role in status["roles"]), "none was restarted")


support.main(scenario)
