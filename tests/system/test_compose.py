# SPDX-License-Identifier: Apache-2.0
"""The compose files say of the program what is so. No Docker runs here."""

import functools
import json
import re

import pytest
import yaml

from harness import process

FILES = ["docker-compose.yml", "docker-compose.cluster.yml"]
DEPLOY = process.ROOT / "deploy"
GIVEN = {"TTP_PROCESSOR_IMAGE": "ttp-processor", "START_LEDGER": "57500000",
         "POSTGRES_PASSWORD": "secret", "S3_SECRET_KEY": "secret"}
KEYS = {"image", "build", "env_file", "environment", "expose", "restart", "depends_on", "user",
        "volumes", "ports", "read_only", "tmpfs", "cap_drop", "security_opt", "mem_limit",
        "stop_grace_period", "profiles", "command", "healthcheck", "entrypoint", "deploy"}
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}")


def filled_in(text):
    def value(match):
        name, kind, word = match.groups()
        if name in GIVEN:
            return GIVEN[name]
        assert kind == "-", f"{name} has no default and is not asked for"
        return word
    return VARIABLE.sub(value, text)


def walked(item):
    """Compose fills in what it has parsed: what comes out of a variable is text."""
    if isinstance(item, dict):
        return {key: walked(value) for key, value in item.items()}
    if isinstance(item, list):
        return [walked(value) for value in item]
    return filled_in(item) if isinstance(item, str) else item


@functools.cache
def services(name):
    return walked(yaml.safe_load((DEPLOY / name).read_text())["services"])


def consumers(name):
    """Those that run the program."""
    return [service for service in services(name).values()
            if service.get("build", {}).get("dockerfile") == "deploy/Dockerfile"]


def in_force(service):
    """The values that the program takes. Without keys: with some, the store would be asked."""
    given = {key: str(value) for key, value in service["environment"].items()
             if not key.startswith("AWS_") and str(value) != ""}
    answer = process.execute("check-config", "--config", DEPLOY / "config.json", "--json",
                             env=process.environment(**given, AWS_EC2_METADATA_DISABLED="true"))
    answer.expect(0)
    assert answer.stderr == ""
    return {key: entry["value"] for section in json.loads(answer.stdout).values()
            if isinstance(section, dict) for key, entry in section.items()}


@pytest.mark.parametrize("name", FILES)
def test_keys_are_those_of_compose(name):
    for service in services(name).values():
        assert set(service) <= KEYS


@pytest.mark.parametrize("name", FILES)
def test_the_program_takes_what_it_is_given(name):
    (service,) = consumers(name)
    values = in_force(service)
    assert {port.rsplit(":", 1)[1] for port in service.get("ports", [])} <= {
        str(values["health_port"]), str(values["metrics_port"])}
    where = values["output_path"]
    where = values["staging_path"] if where.startswith("s3://") else where
    assert where.startswith("/data/")


@pytest.mark.parametrize("name", FILES)
def test_memory_and_time_leave_room(name):
    (service,) = consumers(name)
    values = in_force(service)
    assert int(service["mem_limit"].removesuffix("m")) << 20 == values["memory_limit"] + (64 << 20)
    assert values["stop_timeout"] == "20s"
    assert int(service["stop_grace_period"].removesuffix("s")) >= 30


@pytest.mark.parametrize("name", FILES)
def test_the_container_may_do_nothing_but_its_work(name):
    (service,) = consumers(name)
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", FILES)
def test_secrets_are_asked_for_and_not_held(name):
    for line in (DEPLOY / name).read_text().splitlines():
        if re.match(r"\s+\w*(PASSWORD|SECRET)\w*:", line):
            assert re.search(r": \$\{\w+:\?", line), line


@pytest.mark.parametrize("name", FILES)
def test_services_name_each_other(name):
    known = services(name)
    for service in known.values():
        assert set(service.get("depends_on", [])) <= set(known)
        hosts = re.findall(r"(?:host=|http://)(\w+)|^([\w-]+):50051$",
                           "\n".join(map(str, service.get("environment", {}).values())), re.M)
        assert {one or other for one, other in hosts} <= set(known)
