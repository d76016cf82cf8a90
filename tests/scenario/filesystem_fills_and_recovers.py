"""A filesystem is mounted and filled past its threshold while Magpie runs: the problem is on the page within two
intervals and the rule's `for`, one mail and one webhook tell it, and with hysteresis one of each tells its end."""
import time

import mailserver
import support

INTERVAL, HOLD = 2, 4

CONFIG = """\
interval {interval}s
default_rules no
smtp {{
  server "smtp://127.0.0.1:{smtp}"
  from   "magpie@example.org"
  tls    none
}}
channel ops {{ email "ops@example.org" }}
channel hook {{ webhook "{hook}" }}
notify ops hook
"""

RULES = """\
rule small_disk {{
  value   df:*
  warn    > 80% for {hold}s
  clear   < 60% for {hold}s
  summary "${{label}} on ${{host}} is ${{value}} full"
}}
"""


def fill(path, megabytes):
    with open(path / "content", "wb") as file:
        for _ in range(megabytes):
            file.write(b"x" * (1 << 20))


def our_alerts(server, state=None):
    return [alert for alert in server.alerts() if alert["rule"] == "small_disk" and (not state or alert["state"] == state)]


def scenario():
    directory = support.temporary_directory()
    mail = mailserver.MailServer(directory / "mail")
    hook = support.WebhookReceiver()
    config = CONFIG.format(interval=INTERVAL, smtp=mail.port, hook=hook.url)
    server = support.Server(config, {"disk.magpie": RULES.format(hold=HOLD)})
    try:
        with server, support.tmpfs(directory / "fs", 20) as path:
            run(server, path, mail, hook)
    finally:
        mail.stop()
        hook.stop()


def run(server, path, mail, hook):
    def used():
        answer = server.try_api("series?match=*:df:*") or {"series": []}
        values = [row["last"]["v"] for row in answer["series"] if row["last"] and path.name in row["label"] + row["field"]]
        return values[0] if values else None

    support.wait_for(lambda: used() is not None, 20, "the new filesystem is seen")
    support.check(used() < 10 and not our_alerts(server), "empty, and nothing is said")

    fill(path, 18)
    filled = time.monotonic()
    support.wait_for(lambda: our_alerts(server, "firing"), 2 * INTERVAL + HOLD + 2, "an alert fires")
    took = time.monotonic() - filled
    support.check(took <= 2 * INTERVAL + HOLD + 1, f"it fires {took:.1f} s after, with 'for' of {HOLD} s")
    alert, = our_alerts(server)
    support.check(alert["level"] == "warning" and alert["value"] > alert["threshold"] == 80, f"with value and threshold: {alert}")
    support.check(path.name in alert["summary"] and "%" in alert["summary"], f"in words: {alert['summary']}")
    support.check("small_disk" in server.get("/plain").body.decode() or path.name in server.get("/plain").body.decode(),
                  "and on the page without script")
    support.wait_for(lambda: mail.messages("ops") and hook.requests, 15, "mail and webhook arrive")
    message = mail.messages("ops")[0]
    support.check(path.name in message["subject"] + message.get_body(("plain",)).get_content(), f"mail: {message['subject']}")
    body = hook.requests[0][2]
    support.check(body["status"] == "firing" and body["alerts"][0]["labels"]["alertname"] == "small_disk", "webhook: firing")

    fill(path, 14)  # between the two thresholds: 70 %
    time.sleep(2 * INTERVAL + HOLD + 1)
    support.check(len(our_alerts(server, "firing")) == 1, "70 %: not over yet")
    fill(path, 5)
    support.wait_for(lambda: not our_alerts(server), 2 * INTERVAL + HOLD + 4, "the alert ends")
    support.wait_for(lambda: len(mail.messages("ops")) == 2 and len(hook.requests) == 2, 15, "its end is told")
    support.check(hook.requests[1][2]["status"] == "resolved", "webhook: resolved")
    time.sleep(3 * INTERVAL)
    support.check(len(mail.messages("ops")) == 2 and len(hook.requests) == 2, "each was told once")


support.main(scenario)
