# SPDX-License-Identifier: Apache-2.0
"""The client of object stores (src/s3) against a store of ours that checks every signature and does
scripted faults (harness/fake_s3.py), and against versitygw where it can be had."""

import functools
import json
import os
import subprocess
import time
import uuid

import pytest

from harness import versitygw
from harness.fake_s3 import FakeS3, Refused
from harness.s3_driver import Driver

pytestmark = pytest.mark.no_binary

ODD_NAMES = ["a b", "plus+plus", "equals=1/x", "percent%41", "é/ü.parquet", "tilde~", "star*(1)!'",
             "question?mark", "hash#", "and&amp;", "<less>", '"quoted"', "semi;colon", "double//slash",
             "dot/./dot/../x", "year=2024/month=01/ttp_events_2024-01-15T12_1705320000.parquet"]


@pytest.fixture
def store():
    with FakeS3() as fake:
        yield fake


@pytest.fixture
def client(store):
    with Driver(store.endpoint) as driver:
        driver.opened.expect("ok")
        yield driver


def put(client, name, text="hello", *more):
    return client.call("put", name, f"text:{text}", *more)


@pytest.mark.parametrize("encoding", ["plus", "percent", "none"])
def test_any_name_is_put_read_listed_and_deleted(store, client, encoding):
    store.encoding = encoding
    store.page_size = 3
    for name in ODD_NAMES:
        put(client, name, f"of {name}").expect("ok")
    assert sorted(store.objects) == sorted(f"lake/{name}" for name in ODD_NAMES)
    assert client.names() == sorted(ODD_NAMES, key=str.encode)
    for name in ODD_NAMES:
        assert client.call("whole", name, 1000).expect("ok").data.decode() == f"of {name}"
        client.call("copy", name, f"copied {name}").expect("ok")
        client.call("delete", name).expect("ok")
    assert sorted(store.objects) == sorted(f"lake/copied {name}" for name in ODD_NAMES)


@pytest.mark.parametrize("quiet", [True, False])
def test_many_are_deleted_by_one_request(store, client, quiet):
    store.quiet = quiet
    for name in [*ODD_NAMES, "kept"]:
        put(client, name).expect("ok")
    del store.requests[:]
    answer = client.call("delete-many", *ODD_NAMES, "never/there").expect("ok")
    assert answer.lines == [str(len(ODD_NAMES) + 1)]
    assert sorted(store.objects) == ["lake/kept"]
    assert [request.command for request in store.requests] == ["POST"]


@pytest.mark.parametrize("times", [1, 2])
def test_what_one_answer_says_is_left_is_deleted_alone(store, client, times):
    names = [f"x{number}" for number in range(5)]
    for name in names:
        put(client, name).expect("ok")
    store.undeletable = {"x[13]$": times}
    client.call("delete-many", *names).expect("ok")
    assert not store.objects
    assert [request.key for request in store.seen("DELETE")] == ["lake/x1", "lake/x3"][:times]


def test_what_is_left_tells_why_and_what_is_gone(store, client):
    names = [f"x{number}" for number in range(5)]
    for name in names:
        put(client, name).expect("ok")
    store.undeletable = {"x3": 1}
    store.refuse(403, "AccessDenied", method="DELETE")
    answer = client.call("delete-many", *names).expect("invalid")
    assert answer.lines == ["3"] and "AccessDenied" in answer.message and "x3" in answer.message
    assert sorted(store.objects) == ["lake/x3"]


def test_a_store_that_deletes_one_by_one_is_asked_so_from_then_on(store, client):
    store.deletes_many = False
    for _ in range(2):
        for name in ("a", "b", "c"):
            put(client, name).expect("ok")
        client.call("delete-many", "a", "b", "c").expect("ok")
        assert not store.objects
    assert len(store.seen("POST")) == 1 and len(store.seen("DELETE")) == 6


@pytest.mark.parametrize("action,details", [
    ("drop", {}), ("lost", {}), ("cut", {}), ("garbled", {"body": b"<Deleted/>"}),
    ("error200", {"code": "InternalError"}),
    ("refuse", {"status": 503, "code": "SlowDown"})])
def test_deleting_many_is_asked_again(store, client, action, details):
    for name in ("a", "b"):
        put(client, name).expect("ok")
    store.fault(action, method="POST", count=2, **details)
    client.call("delete-many", "a", "b").expect("ok")
    assert not store.objects and not store.seen("DELETE")


def test_a_listing_is_of_the_prefix_and_of_what_is_asked_for(store, client):
    for name in ("year=1/a", "year=1/b", "year=2/a", "top"):
        put(client, name).expect("ok")
    with Driver(store.endpoint, "s3://bucket/lake2/") as other:
        put(other, "not ours").expect("ok")
    client.call("put", "folder/", "text:").expect("ok")
    assert client.names() == ["top", "year=1/a", "year=1/b", "year=2/a"]
    assert client.names("year=1/") == ["year=1/a", "year=1/b"]
    assert client.names("", "year=1/a") == ["year=1/b", "year=2/a"]
    with Driver(store.endpoint, "s3://bucket") as top:
        assert "lake/top" in top.names() and "lake2/not ours" in top.names()


def test_ranges_are_exact(client):
    put(client, "x", "0123456789").expect("ok")
    assert client.call("range", "x", "", 3, 4).expect("ok").data == b"3456"
    assert client.call("range", "x", "", 0, 10).expect("ok").data == b"0123456789"
    client.call("range", "x", "", 8, 3).expect("corrupt")
    client.call("range", "x", "", 10, 1).expect("corrupt")
    client.call("range", "nothing", "", 0, 1).expect("not found")
    client.call("whole", "x", 9).expect("limit")
    client.call("range", "x", '"another"', 0, 1).expect("conflict")


def test_pairs_come_back(client):
    put(client, "x", "hello", "meta:ttp-commit=abc", "meta:ttp-words=a   b: c=d").expect("ok")
    lines = client.call("head", "x").expect("ok").lines
    assert "meta ttp-commit=abc" in lines and "meta ttp-words=a   b: c=d" in lines
    client.call("head", "nothing").expect("not found")


PASSING = [("refuse", {"status": 500, "code": "InternalError"}),
           ("refuse", {"status": 503, "code": "SlowDown"}),
           ("refuse", {"status": 429, "code": "TooManyRequests"}),
           ("refuse", {"status": 409, "code": "ConditionalRequestConflict"}),
           ("refuse", {"status": 400, "code": "RequestTimeout"}),
           ("refuse", {"status": 502, "code": ""}),
           ("drop", {}), ("lost", {}), ("cut", {})]


@pytest.mark.parametrize("action,details", PASSING)
def test_a_passing_fault_passes(store, client, action, details):
    put(client, "x", "0123456789").expect("ok")
    for words, data in ((("put", "x", "text:0123456789"), None), (("head", "x"), None),
                        (("range", "x", "", 2, 6), b"234567"),
                        (("whole", "x", 100), b"0123456789"), (("list",), None),
                        (("uploads",), None), (("delete", "nothing"), None)):
        if action == "cut" and words[0] in ("put", "head", "delete"):
            continue  # their answers have no body
        if details.get("status") == 400 and words[0] == "head":
            continue  # nor does this one's say why
        fault = store.fault(action, count=2, **details)
        answer = client.call(*words).expect("ok")
        assert fault.met == 2
        assert data is None or answer.data == data
    assert client.names() == ["x"]


def test_a_stalled_answer_is_asked_for_again(store, tmp_path):
    with Driver(store.endpoint, stall_ms=1000) as client:
        put(client, "x", "0123456789").expect("ok")
        store.fault("stall", method="GET", bytes=4)
        client.call("stream", "x", 0, tmp_path / "out").expect("ok")
    assert (tmp_path / "out").read_bytes() == b"0123456789"
    ranges = [request.headers.get("range") for request in store.seen("GET")]
    assert ranges[0] is None and set(ranges[1:]) == {"bytes=4-"}


def test_a_stream_goes_on_behind_the_last_byte_of_the_same_object(store, client, tmp_path):
    body = os.urandom(300_000)
    (tmp_path / "in").write_bytes(body)
    client.call("put", "x", f"file:{tmp_path / 'in'}").expect("ok")
    store.fault("cut", method="GET", count=3)
    client.call("stream", "x", 1000, tmp_path / "out").expect("ok")
    assert (tmp_path / "out").read_bytes() == body[1000:]
    assert len(store.seen("GET")) == 4
    assert all(request.headers["if-match"] for request in store.seen("GET")[1:])


def test_an_object_replaced_while_it_is_read_is_a_conflict(store, client, tmp_path):
    put(client, "x", "0123456789").expect("ok")
    store.fault("cut", method="GET")
    store.refuse(412, "PreconditionFailed", method="GET")
    client.call("stream", "x", 0, tmp_path / "out").expect("conflict")


def test_a_store_that_ignores_ranges_is_found_out(store, client):
    put(client, "x", "0123456789").expect("ok")
    store.knows_ranges = False
    assert "whole object" in client.call("range", "x", "", 3, 4).expect("corrupt").message


def test_patience_ends(store):
    with Driver(store.endpoint, retry_ms=3000) as client:
        store.refuse(503, "SlowDown", "please", count=1000)
        answer = put(client, "x").expect("retry")
    assert "s3://bucket/lake/x" in answer.message and "503 SlowDown (please)" in answer.message
    assert len(store.requests) > 1
    with Driver(store.endpoint, retry_ms=0) as client:
        before = len(store.requests)
        put(client, "x").expect("retry")
    assert len(store.requests) == before + 1


def test_a_stop_ends_a_pause_and_a_stalled_answer(store):
    with Driver(store.endpoint, retry_ms=60000) as client:
        put(client, "x", "0123456789").expect("ok")
        store.refuse(503, "SlowDown", headers={"retry-after": "50"}, count=1000, method="PUT")
        store.fault("stall", method="GET", count=1000)
        client.call("stop", 300).expect("ok")
        started = time.monotonic()
        put(client, "x").expect("again")
        client.call("stop", 300).expect("ok")
        client.call("whole", "x", 100).expect("again")
    assert time.monotonic() - started < 25


# ---- what no repetition mends ----

def refused(driver, *patterns):
    with driver:
        message = driver.call("probe", "try").expect("invalid").message
    assert all(pattern in message for pattern in patterns), message
    assert "testsecret" not in message and "wrongsecret" not in message


def test_configuration_errors_are_final_and_say_what_to_change(store):
    refused(Driver(store.endpoint, secret="wrongsecret"), "SignatureDoesNotMatch", "credentials")
    refused(Driver(store.endpoint, access="nobody"), "InvalidAccessKeyId", "credentials")
    refused(Driver(store.endpoint, "s3://nobucket/lake"), "NoSuchBucket", "make the bucket")
    store.region = "eu-west-1"
    refused(Driver(store.endpoint), "set s3_region", "eu-west-1")
    with Driver(store.endpoint, region="eu-west-1") as client:
        client.call("probe", "try").expect("ok")
        store.refuse(403, "AccessDenied", method="PUT")
        assert "s3:PutObject" in put(client, "x").expect("invalid").message
    assert len(store.requests) < 20


def test_an_endpoint_without_a_scheme_is_refused_at_once():
    with Driver("127.0.0.1:9000") as client:
        assert "https://" in client.opened.expect("invalid").message


# ---- TLS ----

@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "key-and-certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.cert"],
                   check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_name(f"{path.name}.cert").read_bytes())
    return path


def test_a_certificate_is_trusted_only_if_it_is_named(certificate):
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}
    with FakeS3(certificate) as store:
        refused(Driver(store.endpoint), "not trusted", "AWS_CA_BUNDLE")
        assert not store.requests
        refused(Driver(store.endpoint, variables={**keys, "AWS_CA_BUNDLE": "/nonexistent"}),
                "AWS_CA_BUNDLE")
        with Driver(store.endpoint,
                    variables={**keys, "AWS_CA_BUNDLE": f"{certificate}.cert"}) as client:
            client.call("probe", "try").expect("ok")
            store.fault("drop", method="PUT", count=2)
            put(client, "x").expect("ok")


# ---- many at once ----

def test_many_threads_share_a_client(store, client):
    store.refuse(503, "SlowDown", skip=20, count=10)
    store.fault("lost", method="GET", skip=20, count=5)
    client.call("parallel", 8, 20).expect("ok")
    assert len(client.names()) == 80


# ---- clocks ----

@pytest.mark.parametrize("words", [("put", "x", "text:hello"), ("head", "x"), ("list",)])
def test_the_stores_clock_is_gone_by(store, words):
    with Driver(store.endpoint) as client:
        put(client, "x").expect("ok")
        store.clock_offset = -7200
        client.call(*words).expect("ok")
        before = len(store.requests)
        client.call(*words).expect("ok")
        assert len(store.requests) == before + 1, "the difference was not remembered"


# ---- puts whose answer is lost ----

def test_a_put_whose_answer_is_lost_is_known_as_our_own(store, client):
    store.fault("lost", method="PUT")
    answer = put(client, "x", "hello", "new", "meta:ttp-commit=abc").expect("ok")
    assert answer.value("size") == "5" and answer.value("etag")
    assert len(store.seen("PUT")) == 2 and len(store.seen("HEAD")) == 1


@pytest.mark.parametrize("text,meta", [("hello", "meta:ttp-commit=other"), ("hell", "meta:ttp-commit=abc")])
def test_another_writers_object_is_a_conflict(store, client, text, meta):
    put(client, "x", text, meta).expect("ok")
    answer = put(client, "x", "hello", "new", "meta:ttp-commit=abc").expect("conflict")
    assert "there already" in answer.message
    assert put(client, "x", text, "new").expect("conflict"), "without pairs nothing is ours"
    assert store.objects["lake/x"].body == text.encode()


def test_an_object_is_replaced_only_if_it_is_the_one_that_is_known(store, client):
    etag = put(client, "x", "one").expect("ok").value("etag")
    put(client, "x", "two", f"over={etag}").expect("ok")
    put(client, "x", "three", f"over={etag}").expect("conflict")
    put(client, "gone", "three", f"over={etag}").expect("conflict")
    assert store.objects["lake/x"].body == b"two"


def test_a_body_that_is_damaged_on_the_way_is_sent_again_a_few_times(store, client):
    store.refuse(400, "XAmzContentSHA256Mismatch", method="PUT", count=2)
    put(client, "x").expect("ok")
    store.refuse(400, "BadDigest", method="PUT", count=100)
    put(client, "y").expect("corrupt")
    assert len(store.seen("PUT", "lake/y")) < 6


# ---- in parts ----

@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(os.urandom(250_000))
    return path


@pytest.fixture
def parts(store):
    """A client that puts in parts of 100,000 bytes what has more than 150,000."""
    with Driver(store.endpoint, above=150_000, part=100_000) as driver:
        yield driver


def put_large(client, path, *more):
    return client.call("put", "large", f"file:{path}", "new", "meta:ttp-commit=abc", *more)


def whole(store, large):
    found = store.objects["lake/large"]
    return found.body == large.read_bytes() and found.meta == {"x-amz-meta-ttp-commit": "abc"}


def test_a_large_file_goes_in_equal_parts(store, parts, large):
    answer = put_large(parts, large).expect("ok")
    assert whole(store, large) and answer.value("etag").endswith('-3"') and not store.uploads
    assert [len(request.body) for request in store.seen("PUT")] == [100_000, 100_000, 50_000]


@pytest.mark.parametrize("fault", [
    ("refuse", {"method": "PUT", "status": 503, "code": "SlowDown", "skip": 1}),
    ("lost", {"method": "PUT", "skip": 2}), ("drop", {"method": "PUT"}),
    ("refuse", {"method": "POST", "status": 500, "code": "InternalError", "skip": 1}),
    ("error200", {"method": "POST", "code": "InternalError", "skip": 1}),
    ("garbled", {"method": "POST", "skip": 1, "body": b"<CompleteMultipart"}),
    ("lost", {"method": "POST", "skip": 1}), ("cut", {"method": "POST", "skip": 1}),
    ("refuse", {"method": "POST", "status": 409, "code": "ConditionalRequestConflict", "skip": 1}),
    ("refuse", {"method": "PUT", "status": 404, "code": "NoSuchUpload", "skip": 1})])
@pytest.mark.parametrize("complete_twice", [404, 200])
def test_a_fault_among_the_parts_passes_and_leaves_nothing(store, parts, large, fault, complete_twice):
    store.complete_twice = complete_twice
    action, details = fault
    scripted = store.fault(action, **details)
    put_large(parts, large).expect("ok")
    assert scripted.met == 1 and whole(store, large)
    # An upload that the store itself called gone is none that can be given up.
    assert not store.uploads or details.get("code") == "NoSuchUpload"


def test_parts_in_the_way_of_another_object_are_given_up(store, parts, large):
    put(parts, "large", "another").expect("ok")
    put_large(parts, large).expect("conflict")
    assert not store.uploads and store.objects["lake/large"].body == b"another"
    store.objects.clear()
    put_large(parts, large).expect("ok")
    put_large(parts, large).expect("ok")
    assert not store.uploads, "the second put's parts were not given up"


def test_a_put_in_parts_that_fails_or_is_stopped_gives_them_up(store, large):
    with Driver(store.endpoint, above=150_000, part=100_000, retry_ms=300) as client:
        store.refuse(503, "SlowDown", method="PUT", skip=1, count=1000)
        put_large(client, large).expect("retry")
        assert not store.uploads
        client.call("stop", 300).expect("ok")
        put_large(client, large).expect("again")
    assert not store.uploads


def test_left_uploads_are_listed_and_given_up(store, client):
    store.page_size = 2
    store.fault("lost", method="DELETE", count=1)
    with Driver(store.endpoint, above=0, part=5) as parts:
        for name in ("a", "b+ c", "d"):
            store.uploads[f"id {name}"] = type("Left", (), {"key": f"lake/{name}"})()
        listed = parts.call("uploads").expect("ok").lines
        assert listed == ["id a a", "id b+ c b+ c", "id d d"]
        for name in ("a", "b+ c", "d"):
            parts.call("abort", name, f"id {name}").expect("ok")
    assert not store.uploads


def test_a_file_that_is_not_there_is_the_callers_mistake(client, tmp_path):
    assert str(tmp_path) in client.call("put", "x", f"file:{tmp_path}/no").expect("invalid").message


# ---- stores that know less ----

@pytest.mark.parametrize("conditions", ["honoured", "ignored", "refused"])
def test_a_probe_tells_whether_conditions_are_honoured(store, client, conditions, large):
    store.conditions = conditions
    assert client.call("probe", "_lake/try").expect("ok").lines == [conditions]
    assert not store.objects
    put(client, "x", "hello", "new", "meta:ttp-commit=abc").expect("ok")
    put(client, "x", "hello", "new", "meta:ttp-commit=other").expect("conflict")
    put(client, "x", "hello", "new", "meta:ttp-commit=abc").expect("ok")


@pytest.mark.parametrize("conditions", ["honoured", "refused"])
def test_a_store_without_checksums_in_headers_gets_none(store, large, conditions):
    store.knows_checksums = False
    store.conditions = conditions
    with Driver(store.endpoint, above=150_000, part=100_000) as client:
        assert client.call("probe", "try").expect("ok").lines == [conditions]
        put_large(client, large).expect("ok")
    assert whole(store, large)


# ---- credentials ----

def keys_of(number, seconds=3600):
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    return {"AccessKeyId": f"KEY{number}", "SecretAccessKey": f"secret{number}",
            "Token": f"token{number}", "Expiration": end}


class KeyService:
    """Hands out new keys at each question; the store knows them all. Says what it was asked."""

    def __init__(self, store, seconds=3600):
        self.store, self.seconds, self.given, self.asked = store, seconds, 0, []
        store.keys = {}
        store.key_service = self

    def next(self):
        self.given += 1
        keys = keys_of(self.given, self.seconds)
        self.store.keys[keys["AccessKeyId"]] = (keys["SecretAccessKey"], keys["Token"])
        return keys

    def __call__(self, request):
        self.asked.append(request)
        path = request.raw_path
        if path == "/sts":
            assert b"Action=AssumeRoleWithWebIdentity" in request.body
            assert b"RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Flake" in request.body
            assert b"WebIdentityToken=the.token" in request.body
            keys = self.next()
            return 200, (
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                f"<AccessKeyId>{keys['AccessKeyId']}</AccessKeyId><SecretAccessKey>"
                f"{keys['SecretAccessKey']}</SecretAccessKey><SessionToken>{keys['Token']}"
                f"</SessionToken><Expiration>{keys['Expiration']}</Expiration></Credentials>"
                "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>").encode()
        if path == "/container":
            assert request.headers["authorization"] == "the.token"
            return 200, json.dumps(self.next()).encode()
        if path == "/latest/api/token":
            assert request.command == "PUT"
            assert request.headers["x-aws-ec2-metadata-token-ttl-seconds"]
            return 200, b"session"
        assert request.headers["x-aws-ec2-metadata-token"] == "session"
        if path == "/latest/meta-data/iam/security-credentials/":
            return 200, b"the-role\n"
        if path == "/latest/meta-data/iam/security-credentials/the-role":
            return 200, json.dumps({"Code": "Success", **self.next()}).encode()
        raise Refused(404, "NotFound")


@pytest.fixture(params=["web identity", "profile's web identity", "container", "machine"])
def way(request, store, tmp_path):
    (tmp_path / "token").write_text("the.token\n")
    (tmp_path / "config").write_text(
        "[profile lake]\nrole_arn = arn:aws:iam::1:role/lake\n"
        f"web_identity_token_file = {tmp_path / 'token'}\n")
    return {
        "web identity": {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
                         "AWS_ROLE_ARN": "arn:aws:iam::1:role/lake",
                         "AWS_ENDPOINT_URL_STS": f"{store.endpoint}/sts"},
        "profile's web identity": {"AWS_PROFILE": "lake", "AWS_CONFIG_FILE": str(tmp_path / "config"),
                                   "AWS_ENDPOINT_URL_STS": f"{store.endpoint}/sts"},
        "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{store.endpoint}/container",
                      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token")},
        "machine": {"AWS_EC2_METADATA_DISABLED": "false",
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{store.endpoint}/"}}[request.param]


def test_credentials_are_handed_out_by_each_way(store, way):
    service = KeyService(store)
    with Driver(store.endpoint, variables=way) as client:
        put(client, "x").expect("ok")
        put(client, "y").expect("ok")
        assert service.given == 1, "asked again though they don't end yet"
        store.keys = {}  # they are taken back
        put(client, "z").expect("ok")
        assert service.given == 2


def test_credentials_that_end_soon_are_renewed_before(store, way):
    service = KeyService(store, seconds=4000)
    with Driver(store.endpoint, variables=way) as client:
        put(client, "x").expect("ok")
        assert service.given == 1
        store.clock_offset = 3900  # by the store's clock less than five minutes are left
        put(client, "x").expect("ok")
        assert service.given == 2


def test_a_refusing_service_ends_it_with_the_remedy(store, way):
    def refuse(_):
        raise Refused(400, "InvalidIdentityToken", "no such token")
    store.key_service = refuse
    with Driver(store.endpoint, variables=way) as client:
        message = put(client, "x").expect("invalid").message
    assert "InvalidIdentityToken" in message and "the.token" not in message


def test_a_service_that_is_away_for_a_moment_is_asked_again(store, tmp_path):
    service = KeyService(store)
    (tmp_path / "token").write_text("the.token")
    store.fault("refuse", status=503, code="SlowDown", count=2)
    with Driver(store.endpoint, variables={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{store.endpoint}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token")}) as client:
        put(client, "x").expect("ok")
    assert service.given == 1


def test_files_are_read_again_when_the_store_refuses_their_keys(store, tmp_path):
    path = tmp_path / "credentials"
    variables = {"AWS_SHARED_CREDENTIALS_FILE": str(path)}
    path.write_text("[default]\naws_access_key_id = test\naws_secret_access_key = testsecret\n")
    with Driver(store.endpoint, variables=variables) as client:
        put(client, "x").expect("ok")
        store.keys = {"new": ("newsecret", None)}
        path.write_text("[default]\naws_access_key_id = new\naws_secret_access_key = newsecret\n")
        put(client, "x").expect("ok")
        store.keys = {}
        message = put(client, "x").expect("invalid").message
    assert "InvalidAccessKeyId" in message and "newsecret" not in message


def test_without_credentials_it_says_what_to_set(store):
    with Driver(store.endpoint, variables={}) as client:
        assert "AWS_ACCESS_KEY_ID" in put(client, "x").expect("invalid").message
    assert not store.requests


# ---- other stores ----

def takes_it_all(open_driver, tmp_path):
    """What the client does, at a real store, below a prefix that is empty before and after."""
    path = tmp_path / "large"
    path.write_bytes(os.urandom(12_000_000))
    with open_driver(above=6_000_000, part=5 << 20) as client:
        assert client.names() == []
        conditions = client.call("probe", "_lake/try").expect("ok").lines
        assert conditions in (["honoured"], ["ignored"], ["refused"])
        put_large(client, path).expect("ok")
        put_large(client, path).expect("ok")
        client.call("put", "large", f"file:{path}", "new", "meta:ttp-commit=x").expect("conflict")
        assert client.call("uploads").expect("ok").lines == []
        client.call("stream", "large", 5, tmp_path / "out").expect("ok")
        assert (tmp_path / "out").read_bytes() == path.read_bytes()[5:]
        # Stores over a folder know no such names.
        names = [name for name in ODD_NAMES if "//" not in name and "/./" not in name]
        for name in names:
            put(client, name, name, "new", "meta:ttp-commit=abc").expect("ok")
            put(client, name, name, "new", "meta:ttp-commit=abc").expect("ok")
            put(client, name, name, "new", "meta:ttp-commit=x").expect("conflict")
            assert client.call("whole", name, 1000).expect("ok").data.decode() == name
        assert client.names() == sorted([*names, "large"], key=str.encode)
        client.call("copy", "large", "copy of it").expect("ok")
        assert "meta ttp-commit=abc" in client.call("head", "copy of it").expect("ok").lines
        client.call("delete", "large").expect("ok")
        client.call("delete-many", *names, "copy of it", "not there").expect("ok")
        assert client.names() == []
        return conditions


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with versitygw.Gateway(tmp_path_factory.mktemp("versitygw")) as running:
        yield running


@pytest.mark.s3_server
def test_a_server_of_others_takes_it_all(gateway, tmp_path):
    assert takes_it_all(functools.partial(Driver, gateway.endpoint), tmp_path) == ["honoured"]
    refused(Driver(gateway.endpoint, secret="wrongsecret"), "SignatureDoesNotMatch")
    refused(Driver(gateway.endpoint, "s3://nobucket/lake"), "NoSuchBucket")


def test_the_store_that_is_named_takes_it_all(tmp_path):
    """TTP_S3_URL=s3://bucket/prefix, with TTP_S3_ENDPOINT where it is not Amazon's, and credentials in
    AWS's variables: whether another store will do."""
    url = os.environ.get("TTP_S3_URL")
    if not url:
        pytest.skip("TTP_S3_URL names no store")
    variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    endpoint = os.environ.get("TTP_S3_ENDPOINT")
    takes_it_all(functools.partial(Driver, endpoint, f"{url.rstrip('/')}/ttp-{uuid.uuid4()}",
                                   variables=variables, path_style=1 if endpoint else 0), tmp_path)
