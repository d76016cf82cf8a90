"""A backup is made under load, then everything is lost. What is restored from it has every row up to the backup, the
alert that was firing, and tells nobody anything twice; doctor finds nothing wrong before and after, and says so when
something is."""
import http.server
import json
import os
import shutil
import signal
import threading
import time

import archive
import journal
import mailserver
import support

CONFIG = """\
interval 1s
default_rules no
smtp {{
  server "smtp://127.0.0.1:{smtp}"
  from   "magpie@example.org"
  tls    none
}}
channel ops {{ email "ops@example.org" }}
notify ops
"""

RULES = """\
rule it_runs {
  value   uptime:uptime
  warn    > 0s
  summary "${host} runs"
}
"""


def command(*words, code=0):
    done = support.run_magpie(*words, timeout=60)
    support.check(done.returncode == code, f"magpie {words[0]} … exits with {code} {done.stdout[-300:]}{done.stderr[-300:]}")
    return done


def doctor(data, *words, code=0):
    done = command("doctor", "archive", "--data", data, "-o", "json", *words, code=code)
    return json.loads(done.stdout)


def compare(data, directory):
    log = journal.Journal(data / "journal")
    count, wrong = archive.compare(data / "rrd", log, directory)
    for text in wrong[:10]:
        print(text)
    support.check(count > 100 and not wrong, f"{count} RRD files agree with the journal in every row")
    return log


def check_refusals(backup, directory):
    """What is no backup, or not whole, or would overwrite something, is refused and changes nothing."""
    used = directory / "used"
    (used / "journal").mkdir(parents=True)
    (used / "journal" / "x").write_text("x")
    command("restore", backup, "--data", used, code=1)
    support.check(sorted(os.listdir(used)) == ["journal", "lock"], "nothing was put beside what is there")
    cases = {"unfinished": lambda d: (d / "manifest.json").unlink(),
             "newer": lambda d: (d / "manifest.json").write_text('{"format": 99}'),
             "damaged": lambda d: os.truncate(next(d.glob("rrd/*/*.rrd")), 1000),
             "incomplete": lambda d: next(d.glob("rrd/*/*.rrd")).unlink(),
             "linked": lambda d: (d / "rrd" / "x.rrd").symlink_to("/etc/passwd"),
             "stateless": lambda d: (d / "state.db").write_bytes(b"no database" * 1000)}
    for name, damage in cases.items():
        other = directory / name
        shutil.copytree(backup, other)
        damage(other)
        target = directory / (name + "-data")
        command("restore", other, "--data", target, code=1)
        support.check(sorted(os.listdir(target)) == ["lock"], f"{name}: nothing was restored")
        shutil.rmtree(other)


class Liar(http.server.BaseHTTPRequestHandler):
    """A server that says the copy is in a directory which is somebody's."""
    victim = None

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        body = json.dumps({"id": 1, "state": "done", "argument": {"directory": str(self.victim)}, "parts": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def check_liar(directory):
    """The directory that an answer names is removed only if it is the backup that was asked for."""
    Liar.victim = directory / "victim"
    Liar.victim.mkdir()
    (Liar.victim / "manifest.json").write_text("{}")
    (directory / "token").write_text("t0ken")
    with http.server.HTTPServer(("127.0.0.1", 0), Liar) as liar:
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        command("backup", directory / "taken", "--url", f"http://127.0.0.1:{liar.server_port}", "--token-file",
                directory / "token", code=1)
        liar.shutdown()
    support.check((Liar.victim / "manifest.json").exists() and not (directory / "taken").exists(),
                  "what a server names is not taken for the backup")


def check_doctor(data):
    """At rest: files of nobody and damaged ones are found; nothing is changed."""
    support.check(not [f for f in doctor(data) if f["state"] == "WRONG"], "nothing is wrong with what is at rest")
    files = sorted(data.glob("rrd/*/*.rrd"))
    before = {p: p.read_bytes() for p in files[:3]}
    shutil.copy(files[0], files[0].with_name("gone-load-load-g.rrd"))
    with open(files[0], "r+b") as file:
        file.truncate(5000)
    with open(files[1], "r+b") as file:
        file.seek(-8, 2)
        file.write(b"\x00\x00\x00\x00\x00\x00\xf0\x7f")  # an infinite row
    stored = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in data.rglob("*") if p.is_file()}
    found = doctor(data, "--deep", code=1)
    wrong = {os.path.basename(f["path"]): f["what"] for f in found if f["state"] == "WRONG"}
    support.check(set(wrong) == {files[0].name, files[1].name}, f"both damaged files are found: {wrong}")
    support.check(any("gone-load" in f["path"] and "no series" in f["what"] for f in found), "and the file of nobody")
    now = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in data.rglob("*") if p.is_file()}
    support.check(now == stored, "and nothing was changed")
    files[0].with_name("gone-load-load-g.rrd").unlink()
    for path, content in before.items():
        path.write_bytes(content)


def scenario():
    directory = support.temporary_directory()
    mail = mailserver.MailServer(directory / "mail")
    try:
        server = support.Server(CONFIG.format(smtp=mail.port), {"runs.magpie": RULES})
        with server:
            run(server, mail, directory)
    finally:
        mail.stop()


def make_backup(server, directory):
    support.wait_for(lambda: mail_told(server), 20, "the alert fires")
    time.sleep(6)
    # so that files are written while they are copied
    support.wait_for(lambda: server.get(f"/api/v1/data?series={server.host()}:load:load&from=-60s&to=now").status == 200, 10,
                     "values are read")
    packed, begun = directory / "magpie-10:30.tar.gz", time.time()
    command("backup", packed, "--data", server.data, "-q")
    support.check(os.stat(packed).st_mode & 0o077 == 0, "nobody else may read it")
    support.check([name for name in os.listdir(directory) if name.startswith(packed.name)] == [packed.name], "no half is left")
    support.check(not os.listdir(server.data / "backup"), "the server keeps no copy")
    told = command("backup", directory / "several", "--data", server.data, "-q").stdout.split(": ")[0]
    support.check(os.path.exists(os.path.join(told, "manifest.json")), f"a backup in a directory is where it is said to be {told}")
    command("backup", "--data", server.data, "-q")
    kept = next((server.data / "backup").iterdir())
    support.check(not [f for f in doctor(server.data, "--deep") if f["state"] == "WRONG"], "doctor finds nothing wrong")
    return packed, kept, begun


def mail_told(server):
    return any(a["rule"] == "it_runs" and a["state"] == "firing" for a in server.alerts())


def run(server, mail, directory):
    packed, kept, begun = make_backup(server, directory)
    backup = directory / "kept"
    shutil.copytree(kept, backup)
    support.wait_for(lambda: len(mail.messages("ops")) == 1, 10, "a mail is sent")
    time.sleep(2)
    os.kill(server.pid, signal.SIGKILL)
    server.kill()
    shutil.rmtree(server.data)
    check_refusals(backup, directory)
    check_liar(directory)
    command("restore", packed, "--data", server.data)
    log = journal.Journal(server.data / "journal")
    newest = log.samples[log.find("uptime", "uptime")][-1][0] / 1000
    support.check(newest > begun - 2, f"what is restored has all that was there when the backup began ({newest - begun:+.1f} s)")
    server.start()
    support.wait_for(lambda: mail_told(server), 10, "the alert is firing again")
    events = [e["kind"] for e in server.api("status").get("events", []) if e["kind"].startswith(("store.", "rrd.set"))]
    support.check(not events, f"nothing was set aside {events}")
    time.sleep(4)
    support.check(server.stop() == 0, "ends cleanly")
    support.check(len(mail.messages("ops")) == 1, f"nobody was told again ({len(mail.messages('ops'))})")
    log = compare(server.data, support.temporary_directory())
    booted = time.time() - float(open("/proc/uptime", encoding="ascii").read().split()[0])
    samples = log.samples[log.find("uptime", "uptime")]
    wrong = [(t, v) for t, v in samples if abs((t / 1000 - booted) / 86400 - v) > 3 / 86400]
    support.check(len(samples) > 8 and not wrong, f"{len(samples)} samples are what they have to be {wrong[:3]}")
    check_doctor(server.data)


support.main(scenario)
