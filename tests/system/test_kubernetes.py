# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes: what kustomize and Helm make of it is valid, and says of the program what is so.
No cluster runs here."""

import copy
import functools
import json
import re
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml

from harness import manifests, process, truth, watching

VERSION = "1.33"
MIB = 1 << 20
SINGLE = {"live.enabled": False, "single.enabled": True, "config.output.output_path": "/data/parquet",
          "config.output.catalog": None, "config.output.s3_region": None,
          "config.output.staging_path": None, "config.output.partitioning_scheme": None}
PUBNET = {"backfill.enabled": True, "backfill.workers": 8, "backfill.startLedger": 2,
          "backfill.endLedger": 60000000, "live.startLedger": 60000001, "podMonitor.enabled": True}
SHAPES = {
    "kustomize base": functools.partial(manifests.kustomized, "base"),
    "kustomize pubnet": functools.partial(manifests.kustomized, "overlays/pubnet"),
    "kustomize single": functools.partial(manifests.kustomized, "overlays/single"),
    "chart": functools.partial(manifests.templated, {}),
    "chart pubnet": functools.partial(manifests.templated, PUBNET),
    "chart single": functools.partial(manifests.templated, SINGLE),
}
# Of the operator's definition what is used here; kubernetes-validate knows Kubernetes' own kinds only.
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
POD_MONITOR = {
    "type": "object", "additionalProperties": False, "required": ["selector", "podMetricsEndpoints"],
    "properties": {
        "selector": {"type": "object", "additionalProperties": False,
                     "properties": {"matchLabels": TEXTS}},
        "podTargetLabels": {"type": "array", "items": {"type": "string"}},
        "podMetricsEndpoints": {"type": "array", "items": {
            "type": "object", "additionalProperties": False, "properties": {
                name: {"type": "string"} for name in ("port", "path", "interval")}}}}}


@functools.cache
def objects_of(shape):
    return SHAPES[shape]()


@pytest.fixture(params=SHAPES)
def objects(request):
    return copy.deepcopy(objects_of(request.param))


def of_kind(objects, kind):
    return [item for item in objects if item["kind"] == kind]


def every_pod():
    return [pod for shape in SHAPES for pod in manifests.pods(objects_of(shape))]


def bytes_of(quantity):
    number, unit = re.fullmatch(r"([0-9]+)([KMGT]i)", quantity).groups()
    return int(number) << {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}[unit]


def in_force(pod, folder, without=()):
    """The values that the program takes of what the pod has."""
    file = folder / "config.json"
    file.write_text(pod.config)
    # No keys: with some, the store would be asked whether there is a lake.
    given = {name: value for name, value in pod.environment.items()
             if name not in without and not name.startswith("AWS_")}
    answer = process.execute("check-config", "--config", file, "--json",
                             env=process.environment(**given, AWS_EC2_METADATA_DISABLED="true"))
    answer.expect(0)
    assert answer.stderr == ""
    return {key: entry["value"] for section in json.loads(answer.stdout).values()
            if isinstance(section, dict) for key, entry in section.items()}


def milliseconds(text):
    parts = re.findall(r"([0-9.]+)(ms|h|m|s)", text)
    return sum(float(number) * {"ms": 1, "s": 1000, "m": 60000, "h": 3600000}[unit]
               for number, unit in parts)


def test_each_object_is_valid_to_the_letter(objects):
    assert objects
    for item in objects:
        if item["kind"] == "PodMonitor":
            assert item["apiVersion"] == "monitoring.coreos.com/v1"
            jsonschema.validate(item["spec"], POD_MONITOR)
        else:
            kubernetes_validate.validate(item, VERSION, strict=True)


def test_a_misspelt_key_would_be_found(objects):
    item = objects[0]
    item["metadata"]["lables"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(item, VERSION, strict=True)


def test_the_program_takes_every_option(objects, tmp_path):
    for config in of_kind(objects, "ConfigMap"):
        file = tmp_path / "config.json"
        file.write_text(config["data"]["config.json"])
        process.execute("check-config", "--config", file, env=process.environment(
            AWS_EC2_METADATA_DISABLED="true")).expect(0)
    for pod in manifests.pods(objects):
        assert pod.container["args"] == [
            "run", "--config", f"{manifests.CONFIG_FOLDER}/config.json"]
        assert manifests.CONFIG_FOLDER in {mount["mountPath"]
                                           for mount in pod.container["volumeMounts"]}
        in_force(pod, tmp_path)


def test_ports_are_those_that_the_program_listens_on(objects, tmp_path):
    for pod in manifests.pods(objects):
        values = in_force(pod, tmp_path)
        assert pod.ports == {"health": values["health_port"], "metrics": values["metrics_port"]}
        assert values["bind_address"] == "0.0.0.0", "probes come from outside of the pod"
        probes = [pod.container[name] for name in ("livenessProbe", "readinessProbe")
                  if name in pod.container]
        assert all(probe["httpGet"]["port"] == "health" for probe in probes)
    for service in of_kind(objects, "Service"):
        for port in service["spec"]["ports"]:
            assert pod.ports[port["targetPort"]] == port["port"]
    for monitor in of_kind(objects, "PodMonitor"):
        assert [endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]] == [
            "metrics"]


def test_the_program_answers_on_each_path(tmp_path):
    health, metrics = set(), set()
    for shape in SHAPES:
        for pod in manifests.pods(objects_of(shape)):
            health |= {pod.container[name]["httpGet"]["path"] for name in
                       ("livenessProbe", "readinessProbe") if name in pod.container}
        for monitor in of_kind(objects_of(shape), "PodMonitor"):
            metrics |= {endpoint["path"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    assert health == {"/live", "/ready"} and metrics == {"/metrics"}
    with (process.Replay([truth.TESTNET.events], "--live") as server,
          watching.Watched(tmp_path / "lake", server.endpoint, truth.TESTNET.first) as run):
        run.wait_for(lambda: run.ask("/ready").status == 200, "a run that is ready")
        assert run.ask("/live").status == 200
        assert run.metrics()
        run.stop()


def test_memory_is_what_the_program_takes_for_its_streams_and_room_beside(objects, tmp_path):
    for pod in manifests.pods(objects):
        limit = in_force(pod, tmp_path)["memory_limit"]
        assert limit == in_force(pod, tmp_path, {"PARQUET_CONSUMER_MEMORY_LIMIT"})["memory_limit"]
        resources = pod.container["resources"]
        assert bytes_of(resources["limits"]["memory"]) == limit + 64 * MIB
        assert resources["requests"]["memory"] == resources["limits"]["memory"]


def test_a_pod_may_end_in_peace(objects, tmp_path):
    """The kill comes after stop_timeout and a minute's half for the last upload."""
    for pod in manifests.pods(objects):
        stop_ms = milliseconds(in_force(pod, tmp_path)["stop_timeout"])
        assert pod.spec["terminationGracePeriodSeconds"] * 1000 >= stop_ms + 30000


def test_pods_may_do_nothing_but_their_work(objects):
    for pod in manifests.pods(objects):
        assert pod.spec["enableServiceLinks"] is False
        assert pod.spec["automountServiceAccountToken"] is False
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod.container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]}}
        for unwanted in ("hostNetwork", "hostPID", "hostIPC", "initContainers"):
            assert unwanted not in pod.spec
        assert all(set(volume) - {"name"} <= {"configMap", "emptyDir"}
                   for volume in pod.volumes.values())
    for account in of_kind(objects, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    assert not {item["kind"] for item in objects} & {"Role", "ClusterRole", "Secret"}


def test_all_that_is_written_has_a_volume_with_a_bound(objects, tmp_path):
    for pod in manifests.pods(objects):
        values = in_force(pod, tmp_path)
        where = values["output_path"]
        where = values["staging_path"] if where.startswith("s3://") else where
        assert any(where == mount or where.startswith(mount + "/") for mount in pod.writable())
        for name in pod.writable().values():
            claimed = [claim for claim in pod.claims if claim["metadata"]["name"] == name]
            if not claimed:
                size = bytes_of(pod.volumes[name]["emptyDir"]["sizeLimit"])
                assert size < bytes_of(pod.container["resources"]["limits"]["ephemeral-storage"])


def test_secrets_are_named_and_never_held(objects):
    secret = re.compile("password|secret|access_key|token", re.I)
    for pod in manifests.pods(objects):
        for entry in pod.container["env"]:
            if secret.search(entry["name"]):
                assert "value" not in entry and "secretKeyRef" in entry["valueFrom"]
        assert not secret.search(pod.config)


def test_a_backfill_ends_when_its_range_is_there_and_not_by_a_drained_node(objects):
    for job in of_kind(objects, "Job"):
        spec = job["spec"]
        assert spec["completionMode"] == "Indexed"
        assert spec["completions"] == spec["parallelism"]
        assert spec["podReplacementPolicy"] == "Failed"
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
        ignored, failed = spec["podFailurePolicy"]["rules"]
        assert ignored == {"action": "Ignore", "onPodConditions": [
            {"type": "DisruptionTarget", "status": "True"}]}
        assert failed["action"] == "FailJob"
        codes = failed["onExitCodes"]
        assert codes["containerName"] == spec["template"]["spec"]["containers"][0]["name"]
        # The program's own code of a start that can't succeed.
        assert codes["operator"] == "In" and codes["values"] == [
            process.execute("run", "--streams", "99").expect(2).status]


def test_selectors_find_their_pods(objects):
    pods = manifests.pods(objects)
    for item in objects:
        selector = item.get("spec", {}).get("selector")
        if selector is None:
            continue
        labels = selector.get("matchLabels", selector)
        found = [pod for pod in pods if labels.items() <= pod.labels.items()]
        expected = len(pods) if item["kind"] == "PodMonitor" else 1
        assert len(found) == expected, f"{item['kind']} {item['metadata']['name']}"
    for budget in of_kind(objects, "PodDisruptionBudget"):
        (deployment,) = of_kind(objects, "Deployment")
        assert budget["spec"]["maxUnavailable"] < deployment["spec"]["replicas"]


def test_a_lake_on_a_volume_has_one_writer(objects):
    for item in of_kind(objects, "StatefulSet"):
        assert item["spec"]["replicas"] == 1
        (claim,) = item["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
        (service,) = of_kind(objects, "Service")
        assert item["spec"]["serviceName"] == service["metadata"]["name"]


def plain(workload):
    """Without names that differ from release to release."""
    spec = copy.deepcopy(workload["spec"])
    template = spec["template"]
    template.pop("metadata")
    template["spec"].pop("serviceAccountName")
    for constraint in template["spec"].get("topologySpreadConstraints", []):
        constraint.pop("labelSelector")
    container = template["spec"]["containers"][0]
    container.pop("image")
    container.pop("imagePullPolicy", None)
    for entry in container["env"]:
        entry.get("valueFrom", {}).get("secretKeyRef", {}).pop("optional", None)
    template["spec"]["volumes"][0]["configMap"].pop("name")
    for claim in spec.get("volumeClaimTemplates", []):
        claim["metadata"].pop("labels")
        claim.pop("apiVersion", None)
        claim.pop("kind", None)
    spec.pop("selector", None)
    spec.pop("serviceName", None)
    return spec


@pytest.mark.parametrize("shape", ["pubnet", "single"])
def test_the_chart_makes_what_kustomize_makes(shape):
    made, expected = objects_of(f"chart {shape}"), objects_of(f"kustomize {shape}")
    for kind in ("Deployment", "Job", "StatefulSet"):
        assert [plain(item) for item in of_kind(made, kind)] == [
            plain(item) for item in of_kind(expected, kind)]
    configs = [json.loads(of_kind(objects, "ConfigMap")[0]["data"]["config.json"])
               for objects in (made, expected)]
    configs[0]["output"] = {key: value for key, value in configs[0]["output"].items()
                            if value is not None}
    assert configs[0] == configs[1]


def test_the_charts_own_values_fit_their_schema():
    values = yaml.safe_load((manifests.CHART / "values.yaml").read_text())
    schema = json.loads((manifests.CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values, schema)


@pytest.mark.parametrize("setting, words", [
    ("live.replica=3", "replica"), ("backfill.streams=17", "streams"),
    ("secrets.postgres=null", "secrets"), ("terminationGracePeriodSeconds=5", "Grace"),
    ("config.consumer.streams=4", "say it under live, backfill or single"),
    ("single.enabled=true", "disable live and backfill")])
def test_the_chart_refuses_values_that_mean_nothing(setting, words):
    answer = subprocess.run(manifests.template("--set", setting), capture_output=True,
                            text=True, timeout=120, check=False)
    assert answer.returncode != 0 and words in answer.stderr


def test_the_image_is_the_one_that_pods_expect():
    dockerfile = (process.ROOT / "deploy" / "Dockerfile").read_text()
    (user, group), = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.M)
    assert 'ENTRYPOINT ["parquet-consumer"]' in dockerfile
    for pod in every_pod():
        context = pod.spec["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (
            int(user), int(group), int(group))
        assert "command" not in pod.container
