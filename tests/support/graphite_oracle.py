"""Computes functions with Debian's graphite-web: run by the system's Python, which has that package. Reads
{"series": [{name, expression, start, step, values}], "calls": [[function, [arguments], {keywords}]]}; an argument that is
"$" is the list of all series. Writes [[[name, values], …], …]; an error is a text in place of the list."""
import json
import os
import sys
import warnings

os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
warnings.simplefilter("ignore")
import django  # noqa: E402
django.setup()
from graphite.render import functions  # noqa: E402
from graphite.render.datalib import TimeSeries  # noqa: E402


def make(described):
    values = described["values"]
    series = TimeSeries(described["name"], described["start"], described["start"] + described["step"] * len(values),
                        described["step"], list(values), xFilesFactor=0)
    series.pathExpression = described["expression"]
    return series


def compute(question, call):
    name, arguments, keywords = call
    every = [make(described) for described in question["series"]]
    arguments = [every if argument == "$" else argument for argument in arguments]
    try:
        result = getattr(functions, name)({"xFilesFactor": 0}, *arguments, **keywords)
    except Exception as e:  # what graphite-web refuses is an answer too
        return repr(e)
    return [[series.name, list(series)] for series in result]


def main():
    question = json.load(sys.stdin)
    json.dump([compute(question, call) for call in question["calls"]], sys.stdout)


if __name__ == "__main__":
    main()
