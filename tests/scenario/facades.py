"""Readers of Graphite and of Prometheus read Magpie: graphite-web's own functions give the same as Magpie's on the same
values, promtool asks queries, and a Prometheus scrapes the export."""
import json
import pathlib
import shutil
import subprocess
import time
import urllib.parse

import support

# target with %s for the path, and the same for graphite-web: function, arguments ("$": all series), keywords
FUNCTIONS = [
    ("scale(%s,0.25)", ["scale", ["$", 0.25], {}]),
    ("offset(%s,-1000)", ["offset", ["$", -1000], {}]),
    ("absolute(%s)", ["absolute", ["$"], {}]),
    ("derivative(%s)", ["derivative", ["$"], {}]),
    ("nonNegativeDerivative(%s)", ["nonNegativeDerivative", ["$"], {}]),
    ("perSecond(%s)", ["perSecond", ["$"], {}]),
    ("keepLastValue(%s)", ["keepLastValue", ["$"], {}]),
    ("sumSeries(%s)", ["sumSeries", ["$"], {}]),
    ("averageSeries(%s)", ["averageSeries", ["$"], {}]),
    ("minSeries(%s)", ["minSeries", ["$"], {}]),
    ("maxSeries(%s)", ["maxSeries", ["$"], {}]),
    ("diffSeries(%s)", ["diffSeries", ["$"], {}]),
    ("multiplySeries(%s)", ["multiplySeries", ["$"], {}]),
    ('alias(%s,"x y")', ["alias", ["$", "x y"], {}]),
    ("aliasByNode(%s,2,-1)", ["aliasByNode", ["$", 2, -1], {}]),
    ("aliasByMetric(%s)", ["aliasByMetric", ["$"], {}]),
    ("limit(%s,2)", ["limit", ["$", 2], {}]),
    ("sortByName(%s,reverse=true)", ["sortByName", ["$"], {"reverse": True}]),
    ('consolidateBy(%s,"max")', ["consolidateBy", ["$", "max"], {}]),
    ("group(%s)", ["group", ["$"], {}]),
    ('groupByNode(%s,2,"sum")', ["groupByNode", ["$", 2, "sum"], {}]),
]


def render(server, span, target):
    form = urllib.parse.urlencode({"target": target, "from": span[0], "until": span[1], "format": "json"})
    answer = server.request("POST", "/render", form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200, (target, answer.body)
    return answer.json()


def same(ours, theirs, rising):
    """Whether both have the same names and, but for rounding, values. JSON has 12 digits: of a function that knows only
    `rising` values, what stayed the same may be a fall of the last digit on one side."""
    if [s["target"] for s in ours] != [name for name, _ in theirs]:
        return False
    for mine, (_, values) in zip(ours, theirs):
        for (value, _), other in zip(mine["datapoints"], values):
            if rising and abs((value or 0) - (other or 0)) < 0.1:
                continue
            if (value is None) != (other is None) or (value is not None and abs(value - other) > 1e-6 * max(1, abs(other))):
                return False
    return True


def check_graphite(server, host):
    group = support.wait_for(lambda: server.get("/metrics/find?query=*").json(), 10, "the tree has a root")[0]["text"]
    path = f"{group}.{host.replace('.', '_')}.memory.*"
    names = server.get("/metrics/find?query=" + urllib.parse.quote(path)).json()
    support.check(len(names) > 3 and all(n["leaf"] == 1 for n in names), f"{len(names)} leaves at {path}")
    span = (int(time.time()) - 40, int(time.time()) - 5)
    plain = render(server, span, path)
    support.check(len(plain) == len(names) and any(v is not None for v, _ in plain[0]["datapoints"]), "values of each")
    series = [{"name": s["target"], "expression": path, "start": s["datapoints"][0][1],
               "step": s["datapoints"][1][1] - s["datapoints"][0][1], "values": [v for v, _ in s["datapoints"]]}
              for s in plain]
    oracle = pathlib.Path(support.__file__).with_name("graphite_oracle.py")
    done = subprocess.run(["/usr/bin/python3", str(oracle)], capture_output=True, text=True, timeout=60, check=False,
                          input=json.dumps({"series": series, "calls": [call for _, call in FUNCTIONS]}))
    if done.returncode:
        print("graphite-web cannot be asked here:", done.stderr.strip().splitlines()[-1:])
        return
    different = [target for (target, _), theirs in zip(FUNCTIONS, json.loads(done.stdout))
                 if not same(render(server, span, target % path), theirs,
                             target.startswith(("nonNegative", "perSecond")))]
    support.check(not different, f"{len(FUNCTIONS)} functions give what graphite-web's give {different}")
    answer = server.get(f"/render?target={urllib.parse.quote(path)}&from=-30s&format=csv")
    support.check(answer.status == 200 and answer.body.startswith(b'"' + group.encode()), "csv")


def promtool(server, *arguments):
    url = f"http://127.0.0.1:{server.port}/prom"
    arguments = [url if a == "URL" else a for a in arguments]
    return subprocess.run(["promtool", "query", *arguments], capture_output=True, text=True, timeout=30, check=False)


def check_promtool(server, host):
    now = int(time.time())
    cases = [
        (["instant", "URL", "1+1"], "scalar: 2"),
        (["instant", "URL", "load:load"], f'host="{host}"'),
        (["instant", "URL", 'sum by (host) ({service="cpu",field!="idle"})'], f'host="{host}"'),
        (["instant", "URL", 'max_over_time(load:load[20s]) >= bool avg_over_time(load:load[20s])'], "=> 1 @"),
        (["instant", "URL", 'rate({service="cpu",field="user"}[20s])'], 'field="user"'),
        (["instant", "URL", 'count({host=~".+"}) > 50'], "=>"),
        (["range", f"--start={now - 30}", f"--end={now}", "--step=5s", "URL", "load:load * 0 + 7"], "7 @"),
        (["series", "--match=load:load", "URL"], 'service="load"'),
        (["labels", "URL", "host"], host),
    ]
    for arguments, wanted in cases:
        done = promtool(server, *arguments)
        support.check(done.returncode == 0 and wanted in done.stdout,
                      f"promtool query {' '.join(arguments)}: {done.stdout.strip()[:80]}{done.stderr.strip()[:200]}")
    done = promtool(server, "instant", "URL", "histogram_quantile(0.9, x)")
    support.check(done.returncode != 0 and "not answered here" in done.stderr, f"outside: {done.stderr.strip()[:100]}")


def check_scraped(server, directory):
    """A Prometheus of its own scrapes the export; it then knows as many series as Magpie exports."""
    text = server.get("/api/v1/export/prometheus").body.decode()
    open_text = server.get("/api/v1/export/prometheus", headers={"Accept": "application/openmetrics-text"}).body.decode()
    support.check("# TYPE load:load gauge\n" in text and open_text.endswith("# EOF\n"), "both formats")
    port = support.free_port()
    config = directory / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: magpie\n    honor_labels: true\n"
                      "    metrics_path: /api/v1/export/prometheus\n    params: {'match[]': ['{service=~\"load|memory\"}']}\n"
                      f"    static_configs: [{{targets: ['127.0.0.1:{server.port}']}}]\n")
    with open(directory / "prometheus.log", "wb") as log:
        process = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}",
                                    f"--web.listen-address=127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        def counted():
            query = 'count({service=~"load|memory"})'
            done = subprocess.run(["promtool", "query", "instant", f"http://127.0.0.1:{port}", query],
                                  capture_output=True, text=True, timeout=10, check=False)
            return done.stdout.split("=>")[1].split("@")[0].strip() if "=>" in done.stdout else None
        there = support.wait_for(counted, 30, "the Prometheus has scraped")
        ours = promtool(server, "instant", "URL", 'count({service=~"load|memory"})').stdout
        support.check(f"=> {there} @" in ours, f"a Prometheus scraped {there} series, as many as Magpie counts")
    finally:
        process.terminate()
        process.wait(20)


def scenario():
    directory = support.temporary_directory()
    with support.Server("interval 1s\n") as server:
        host = support.wait_for(server.host, 20, "this host is known")
        support.wait_for(lambda: (server.try_api(f"series?match={host}:load:load") or {}).get("series"), 20, "load is measured")
        path = f"data?series={host}:load:load&from=-25s&step=1"
        support.wait_for(lambda: sum(v is not None for v in next(iter((server.try_api(path) or {"series": {"": []}})
                                                                      ["series"].values()))) > 12, 60, "some values are archived")
        check_graphite(server, host)
        if not shutil.which("promtool"):
            support.skip("prometheus is not installed")
        check_promtool(server, host)
        check_scraped(server, directory)


support.main(scenario)
