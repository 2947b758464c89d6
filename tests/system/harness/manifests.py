# SPDX-License-Identifier: Apache-2.0
"""What deploy/kubernetes makes: the objects that kustomize and Helm print, and what pods of theirs say."""

import json
import shutil
import subprocess

import yaml

from harness import go_program, process

FOLDER = process.ROOT / "deploy" / "kubernetes"
CHART = FOLDER / "chart"
CONFIG_FOLDER = "/etc/ttp-parquet-consumer"


def _kustomize():
    """kubectl brings it along; its early versions know no components."""
    kubectl = shutil.which("kubectl")
    if kubectl is not None:
        answer = subprocess.run([kubectl, "version", "--client", "-o", "json"], check=False,
                                capture_output=True, text=True, timeout=60)
        said = json.loads(answer.stdout or "{}") if answer.returncode == 0 else {}
        if said.get("kustomizeVersion", "v0") >= "v4":
            return [kubectl, "kustomize"]
    return [go_program.path("kustomize"), "build"]


def _objects(command):
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, f"{' '.join(map(str, command))}\n{answer.stderr}"
    return [item for item in yaml.safe_load_all(answer.stdout) if item is not None]


def kustomized(name):
    return _objects([*_kustomize(), FOLDER / "kustomize" / name])


def template(*settings):
    """The command; Helm does not know by itself which Kubernetes there will be."""
    return [go_program.path("helm"), "template", "lake", CHART, "--kube-version", "1.33.0",
            *settings]


def templated(values):
    """Of the chart, with values given as `--set-json` takes them."""
    return _objects(template(*(word for name, value in values.items()
                               for word in ("--set-json", f"{name}={json.dumps(value)}"))))


class Pod:
    """One pod of a workload, as it is made."""

    def __init__(self, workload, objects):
        self.workload = workload
        self.labels = workload["spec"]["template"]["metadata"]["labels"]
        self.spec = workload["spec"]["template"]["spec"]
        (self.container,) = self.spec["containers"]
        self.volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        maps = {item["metadata"]["name"]: item for item in objects if item["kind"] == "ConfigMap"}
        self.config = maps[self.volumes["config"]["configMap"]["name"]]["data"]["config.json"]

    @property
    def environment(self):
        """Secrets are not to be had: something stands for each."""
        return {entry["name"]: entry.get("value", "secret") for entry in self.container["env"]}

    @property
    def ports(self):
        return {port["name"]: port["containerPort"] for port in self.container["ports"]}

    @property
    def claims(self):
        return self.workload["spec"].get("volumeClaimTemplates", [])

    def writable(self):
        """Mount point → the volume's name."""
        return {mount["mountPath"]: mount["name"] for mount in self.container["volumeMounts"]
                if not mount.get("readOnly", False)}


def pods(objects):
    return [Pod(item, objects) for item in objects
            if item["kind"] in ("Deployment", "Job", "StatefulSet")]
