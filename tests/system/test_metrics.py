# SPDX-License-Identifier: Apache-2.0
"""/metrics: the names and labels of the plan and the design, true values, and other people's tools
on it: promtool and a Prometheus that scrapes."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.TESTNET
LAST = RECORDING.last
COMPLETE = truth.truth_rows([RECORDING], last=LAST - 1)  # the last ledger is never complete live


def tool(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: Debian's package prometheus has it")
    return path


@pytest.fixture
def run(lake, processes, request):
    """A live run that has committed all complete ledgers of the recording; with more options, if a
    test names them."""
    server = processes(process.Replay([RECORDING.events]))
    watched = processes(watching.Watched(lake, server.endpoint, RECORDING.first,
                                         schema_version="1.1.0", max_file_age="500ms",
                                         **getattr(request, "param", {})))
    watched.wait_for(lambda: watched.metrics().get("ttp_committed_ledger") == LAST - 1,
                     "the last complete ledger is committed")
    return watched


def test_the_plans_metrics_have_true_values(run, lake):
    samples = run.metrics()
    assert samples["ttp_events_committed_total"] == len(COMPLETE)
    assert samples['ttp_events_received_total{status="accepted"}'] >= len(COMPLETE)
    assert samples['ttp_events_received_total{status="dead_letter"}'] == 0
    written = {name: value for name, value in samples.items()
               if name.startswith("ttp_events_written_total{")}
    assert sum(written.values()) == len(COMPLETE)
    assert all(name.startswith('ttp_events_written_total{partition="') for name in written)
    for operation in ("decode", "encode", "readback", "commit"):
        count = samples[f'ttp_processing_duration_seconds_count{{operation="{operation}"}}']
        total = samples[f'ttp_processing_duration_seconds_sum{{operation="{operation}"}}']
        assert count > 0, f"nothing was measured of {operation}"
        assert 0 < total < 60, operation
        buckets = [value for name, value in samples.items() if name.startswith(
            f'ttp_processing_duration_seconds_bucket{{operation="{operation}"')]
        assert buckets == sorted(buckets) and buckets[-1] == count
    files = reading.data_files(lake)
    assert samples["ttp_files_committed_total"] == len(files)
    assert samples["ttp_file_bytes_committed_total"] == sum(path.stat().st_size for path in files)
    assert samples["ttp_file_size_bytes_count"] == len(files)
    assert samples["ttp_coverage_ledgers"] == LAST - RECORDING.first
    assert samples["ttp_coverage_missing_ledgers"] == 0
    rotations = [value for name, value in samples.items() if name.startswith("ttp_rotations_total")]
    assert sum(rotations) == samples["ttp_commits_total"] > 0
    assert samples["ttp_current_ledger"] == LAST
    assert samples["ttp_memory_resident_bytes"] > 1e6
    assert samples["ttp_memory_limit_bytes"] == 192 * 1024 * 1024
    assert samples["ttp_disk_free_bytes"] > 0
    assert samples['ttp_health{status="healthy"}'] == 1
    run.stop().expect(0)


def test_promtool_finds_nothing_to_say(run):
    text = watching.ask(run.metrics_port, "/metrics").text
    answer = subprocess.run([tool("promtool"), "check", "metrics"], input=text, text=True,
                            capture_output=True, timeout=30, check=False)
    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")
    run.stop().expect(0)


def test_each_metric_is_documented(run):
    document = (process.ROOT / "docs" / "METRICS.md").read_text()
    names = {line.split()[2] for line in
             watching.ask(run.metrics_port, "/metrics").text.splitlines()
             if line.startswith("# TYPE ")}
    assert names and all(f"| `{name}` |" in document for name in names)
    run.stop().expect(0)


def query(port, expression):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?" +
                                urllib.parse.urlencode({"query": expression}), timeout=10) as answer:
        return {tuple(sorted(one["metric"].items())): float(one["value"][1])
                for one in json.load(answer)["data"]["result"]}


@pytest.fixture
def scraped(run, tmp_path, processes):
    """The port of a Prometheus that has scraped the run after its last commit."""
    binary = tool("prometheus")
    (port,) = watching.free_ports(1)
    rules = process.ROOT / "deploy" / "prometheus" / "alerts.yml"
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: ttp-parquet-consumer
    static_configs: [{{targets: ["127.0.0.1:{run.metrics_port}"]}}]
""")
    prometheus = processes(process.Background(
        f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", binary=binary))

    def has_all():
        try:
            return list(query(port, "ttp_events_committed_total").values()) == [len(COMPLETE)]
        except OSError:
            return False

    prometheus.wait_for(has_all, "a scrape")
    yield port
    prometheus.stop()


def test_a_prometheus_scrapes_it(run, scraped):
    port = scraped
    assert list(query(port, 'up{job="ttp-parquet-consumer"}').values()) == [1]
    assert sum(query(port, "sum by (partition) (ttp_events_written_total)").values()) == \
        len(COMPLETE)
    assert query(port, "histogram_quantile(0.99, sum by (le)"
                       " (ttp_processing_duration_seconds_bucket{operation=\"commit\"}))")
    time.sleep(2)
    assert query(port, 'ALERTS{severity="page", alertstate="firing"}') == {}
    run.stop().expect(0)


DASHBOARD = process.ROOT / "deploy" / "grafana" / "dashboard.json"


@pytest.mark.parametrize("run", [{"compact_closed": "true"}], indirect=True, ids=["with care"])
def test_each_query_of_the_dashboard_finds_data(run, scraped):
    queries = [(panel["title"], target["expr"]) for panel in json.loads(DASHBOARD.read_text())["panels"]
               for target in panel.get("targets", [])]
    assert len(queries) > 30

    def without_data():
        filled = [(title, expression.replace("$job", ".+").replace("$instance", ".+")
                   .replace("$__rate_interval", "1m")) for title, expression in queries]
        return {title for title, expression in filled if not query(scraped, expression)}

    deadline = time.monotonic() + 60
    # What is open has a time of its next commit: of this run all is committed.
    while without_data() != {"Next commit"} and time.monotonic() < deadline:
        time.sleep(0.5)  # a rate needs two scrapes
    assert without_data() == {"Next commit"}
    run.stop().expect(0)


@pytest.mark.no_binary
def test_the_dashboard_is_made_from_its_table_of_panels():
    subprocess.run([process.ROOT / "tools" / "dashboard", "--check"], check=True, timeout=60)


@pytest.mark.no_binary
def test_the_alerts_speak_of_metrics_that_exist():
    alerts = (process.ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()
    document = (process.ROOT / "docs" / "METRICS.md").read_text()
    used = set(re.findall(r"\b(?:ttp|process)_[a-z_]+", "".join(
        line for line in alerts.splitlines() if line.strip().startswith("expr:"))))
    assert len(used) > 8
    assert {name for name in used if f"| `{name}` |" not in document} == set()


@pytest.mark.no_binary
def test_the_alert_rules_pass_their_tests():
    folder = process.ROOT / "deploy" / "prometheus"
    for arguments in (["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"],
                      ["test", "rules", "alerts_test.yml"]):
        answer = subprocess.run([tool("promtool"), *arguments], cwd=folder, text=True,
                                capture_output=True, timeout=60, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr
