# SPDX-License-Identifier: Apache-2.0
"""What `check-config` lets pass, `run` takes: both refuse the same configurations, in the same words,
before anything is touched."""

import json

import pytest

from harness import process

LONG = "/" + "/".join(["long"] * 1000)
ENDPOINT = {"ttp_processor_endpoint": "localhost:1", "start_ledger": 1, "end_ledger": 2}
REFUSED = {
    "a scheme before the endpoint": {"ttp_processor_endpoint": "http://localhost:50051"},
    "an endpoint without a port": {"ttp_processor_endpoint": "localhost"},
    "no first ledger for an empty lake": {"start_ledger": 0, "end_ledger": 100},
    "an end below the start": {"start_ledger": 100, "end_ledger": 99},
    "a ledger that none follows": {"end_ledger": 4294967295},
    "a network's name with a space": {"network": "my net"},
    "TLS by an authority that is not there": {"tls": True, "tls_ca_file": "/nowhere/authority.pem"},
    "a file of TLS without TLS": {"tls_ca_file": "/etc/hosts"},
    "a certificate without its key": {"tls": True, "tls_cert_file": "/etc/hosts"},
    "a header that is not ours to send": {"metadata": {"host": "example.org"}},
    "a header whose variable is not set": {"metadata": {"authorization": "env:NOT_SET_ANYWHERE"}},
    "a header whose file is not there": {"metadata": {"authorization": "file:/nowhere/token"}},
    "a retry longer than the longest": {"retry_initial": "1m", "retry_max": "1s"},
    "a message larger than its share of memory": {"max_message_size": "1GiB"},
    "a level that the codec lacks": {"compression_codec": "gzip", "compression_level": 22},
    "a version of rows that there is not": {"schema_version": "2.0.0"},
    "a relative path for readers": {"reader_data_path": "lake"},
    "a path for readers that goes up": {"reader_data_path": "/lake/../other"},
    "a path for readers that is too long": {"reader_data_path": LONG},
    "an output path that is too long": {"output_path": LONG},
    "no output path": {"output_path": ""},
    "an address that is none": {"bind_address": "everywhere"},
    "one port for both": {"health_port": 7000, "metrics_port": 7000},
    "an unknown scheme": {"partitioning_scheme": "hourly"},
    "too little memory": {"memory_limit": "1MiB"},
}
SECTIONS = {"bind_address": "monitoring", "health_port": "monitoring", "metrics_port": "monitoring",
            "output_path": "output", "reader_data_path": "output", "compression_codec": "output",
            "compression_level": "output", "schema_version": "output", "memory_limit": "output",
            "partitioning_scheme": "output"}


def sentences(finished):
    """What it says: of log lines their message, else what stands behind its own name."""
    return [json.loads(line)["message"] if line.startswith("{")
            else line.removeprefix("parquet-consumer: ") for line in finished.stderr.splitlines()]


@pytest.mark.parametrize("name", REFUSED)
def test_check_config_refuses_what_run_refuses_in_the_same_words(tmp_path, name):
    configuration = {"output": {"output_path": str(tmp_path / "lake")},
                     "monitoring": {"health_port": 0, "metrics_port": 0}, "consumer": {}}
    for key, value in {**ENDPOINT, **REFUSED[name]}.items():
        configuration[SECTIONS.get(key, "consumer")][key] = value
    config = tmp_path / "config.json"
    config.write_text(json.dumps(configuration))
    checked = process.execute("check-config", "--config", config).expect(2)
    planned = process.execute("run", "--dry-run", "--config", config).expect(2)
    ran = process.execute("run", "--config", config).expect(2)
    assert sentences(checked) == sentences(planned) == sentences(ran) != []
    assert checked.stdout == ""
    assert not (tmp_path / "lake").exists()


def test_check_config_takes_a_range_that_an_existing_lake_begins(tmp_path):
    folder = tmp_path / "lake" / "_lake"
    folder.mkdir(parents=True)
    (folder / "catalog.sqlite").touch()
    process.execute("check-config", "--output-path", tmp_path / "lake", "--end-ledger",
                    100).expect(0)


def test_a_store_that_does_not_answer_is_asked_for_a_few_seconds(tmp_path):
    """Nor does the service that its credentials are to come from."""
    env = process.environment(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:9/keys")
    done = process.execute(
        "check-config", "--output-path", "s3://bucket/lake", "--catalog",
        f"sqlite:{tmp_path}/lake.sqlite", "--s3-endpoint", "http://127.0.0.1:9", "--s3-path-style",
        "true", "--staging-path", tmp_path, 5, 6, env=env)
    done.expect(0).says("did not answer within 5 s", "AWS_CONTAINER_CREDENTIALS_")
    assert "s3_endpoint" in done.stdout
