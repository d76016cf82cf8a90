"""A running archive is changed: files get another layout and keep what they knew, a host's history goes on under
another name, what is gone is taken away; the roles are killed in the middle of it."""
import os
import signal
import time

import support

CONFIG = "interval 1s\nhost {}\ngroup shop\n{}"
WIDE = 'archive {{ retention "*:load" {{ layout "custom {}" }} }}\n'


def values(server, series, begin, end):
    """{instant: value} of a span, second by second."""
    answer = server.api(f"data?series={series}&from={begin}&to={end}&step=1")
    found = answer["series"].get(series, [])
    return {answer["t0"] + (i + 1) * answer["step"]: v for i, v in enumerate(found) if v is not None}


def known(server, series, count):
    now = int(time.time())
    try:
        return len(values(server, series, now - 60, now)) >= count
    except AssertionError:
        return False


def command(server, *words, code=0):
    done = support.run_magpie("archive", *words, "--data", server.data, timeout=90)
    support.check(done.returncode == code, f"archive {' '.join(words)}: {(done.stdout or done.stderr).strip()[-200:]}")
    return done.stdout + done.stderr


def configure(server, text):
    server.config.write_text("discover no\n" + text)
    server.reload()


def check_convert(server):
    begin = int(time.time()) - 10
    support.wait_for(lambda: known(server, "one:load:load", 12), 40, "values of load")
    end = int(time.time()) - 2
    before = values(server, "one:load:load", begin, end)
    size = os.path.getsize(server.data / "rrd/shop/one-load-load-g.rrd")
    configure(server, CONFIG.format("one", WIDE.format("1h, 1m for 1d")))
    support.wait_for(lambda: "a new configuration is in force" in server.log(), 20, "the configuration")
    support.check("1 of" in command(server, "convert", "one:load", "--dry-run"), "one file would be converted")
    support.check(os.path.getsize(server.data / "rrd/shop/one-load-load-g.rrd") == size, "but is not")
    support.check("1 of 1 files converted" in command(server, "convert", "one:load"), "one file is converted")
    support.check(os.path.getsize(server.data / "rrd/shop/one-load-load-g.rrd") < size, "it is smaller")
    after = values(server, "one:load:load", begin, end)
    support.check(len(before) >= 8 and before == after, f"{len(before)} values are the same as before")
    support.check("0 of 1 files" in command(server, "convert", "one:load"), "nothing is left to do")
    command(server, "convert", "nobody:*", code=1)
    return before


def check_kill(server, before):
    """Whatever the instant: the file is whole, and has what it had."""
    for i in range(4):
        layout = ["2h, 1m for 1d", "1h, 1m for 1d"][i % 2]
        configure(server, CONFIG.format("one", WIDE.format(layout).replace("*:load", "*")))
        support.wait_for(lambda n=i: server.log().count("a new configuration is in force") == n + 2, 20, "a reload")
        pid = support.wait_for(lambda: server.roles().get("rrd"), 20, "the role that writes files")
        process = support.subprocess.Popen(
            [support.magpie_binary(), "archive", "convert", "--data", str(server.data)],
            stdout=support.subprocess.DEVNULL, stderr=support.subprocess.DEVNULL)
        time.sleep(0.05 + 0.15 * i)
        os.kill(pid, signal.SIGKILL)
        process.wait(90)
    support.check(process.returncode == 0, "a conversion goes on after its role was killed")
    begin, end = min(before) - 1, max(before)
    support.wait_for(lambda: server.try_api("hosts"), 20, "the server")
    after = support.wait_for(lambda: values(server, "one:load:load", begin, end), 20, "values after the kills")
    support.check(after == before, "the values are still the same")
    corrupt = list((server.data / "rrd/.magpie/corrupt").iterdir())
    support.check(not corrupt, f"no file was found to be corrupt: {corrupt}")


def check_merge(server, before):
    configure(server, CONFIG.format("two", ""))
    support.wait_for(lambda: known(server, "two:load:load", 5), 40, "values under the new name")
    command(server, "rename", "one", "two", code=1)
    command(server, "merge", "one", "tow", code=1)
    told = command(server, "merge", "one", "two", "--dry-run")
    support.check("one-load-load-g.rrd" in told, "what would be merged is told")
    support.check((server.data / "rrd/shop/one-load-load-g.rrd").exists(), "and is not done")
    command(server, "merge", "one", "two")
    support.check(not (server.data / "rrd/shop/one-load-load-g.rrd").exists(), "the old file is gone")
    begin, end = min(before) - 1, max(before)
    after = support.wait_for(lambda: values(server, "two:load:load", begin, end), 20, "the history")
    support.check(after == before, f"{len(after)} values of the old name are the new one's")
    hosts = [h["host"] for h in server.api("hosts")["hosts"]]
    support.check(hosts == ["two"], f"one host is left: {hosts}")
    support.wait_for(lambda: known(server, "two:load:load", 5), 30, "it goes on")


def check_retire(server):
    configure(server, CONFIG.format("three", ""))
    support.wait_for(lambda: known(server, "three:load:load", 3), 40, "values of a third host")
    stray = server.data / "rrd/shop/stray-load-load-g.rrd"
    stray.write_bytes((server.data / "rrd/shop/two-load-load-g.rrd").read_bytes())
    os.utime(stray, (1e9, 1e9))
    listed = command(server, "clean", "--older", "1d", "--dry-run")
    support.check("stray-load-load-g.rrd" in listed and "three-" not in listed, "a file of nobody is found")
    command(server, "clean", "--older", "1d")
    support.check(not stray.exists(), "and put away")
    listed = command(server, "retire", "two", "--older", "1s", "--silent", "--dry-run")
    support.check("two-load-load-g.rrd" in listed, "what would be retired is told")
    command(server, "retire", "two", "--older", "1s", "--silent")
    support.check(not list((server.data / "rrd/shop").glob("two-*")), "no file of it is left")
    support.wait_for(lambda: [h["host"] for h in (server.try_api("hosts") or {"hosts": []})["hosts"]] == ["three"],
                     20, "the host is forgotten")
    support.wait_for(lambda: known(server, "three:load:load", 3), 30, "the other one goes on")


def main():
    with support.Server(CONFIG.format("one", "")) as server:
        before = check_convert(server)
        check_kill(server, before)
        check_merge(server, before)
        check_retire(server)
        support.check(server.stop() == 0, "a clean end")


main()
