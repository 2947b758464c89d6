# SPDX-License-Identifier: Apache-2.0
"""An object store of ours with scripted faults, as strict as the strictest: it checks signatures,
hashes, checksums and the clock itself."""

import base64
import calendar
import copy
import email.utils
import hashlib
import hmac
import http.server
import re
import ssl
import threading
import time
import urllib.parse
import xml.etree.ElementTree
import xml.sax.saxutils


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


class Object:
    def __init__(self, body, meta, etag=None):
        self.body, self.meta = body, meta
        self.etag = etag or f'"{hashlib.md5(body).hexdigest()}"'
        self.modified = time.time()


class Upload:
    def __init__(self, key, meta):
        self.key, self.meta, self.parts = key, meta, {}


class Fault:
    """What happens instead of, or after, the work. Matches requests by method, key and the names of
    their query; `skip` matching ones pass first, then `count` meet it."""

    def __init__(self, action, method=None, key=None, query=None, skip=0, count=1, **details):
        self.action, self.method, self.key, self.query = action, method, key, query
        self.skip, self.count, self.details = skip, count, details
        self.met = 0

    def meets(self, request):
        if self.method not in (None, request.command) or self.count == 0:
            return False
        if self.key is not None and not re.search(self.key, request.key):
            return False
        if self.query is not None and self.query not in request.query:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.count -= 1
        self.met += 1
        return True


class Refused(Exception):
    def __init__(self, status, code, message="", **headers):
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, headers


def signing_key(secret, day, region, service):
    key = f"AWS4{secret}".encode()
    for text in (day, region, service, "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    return key


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(timestamp if timestamp is not None else self.store.now())

    @property
    def store(self):
        return self.server.store

    def _serve(self):
        store = self.store
        path, _, raw_query = self.path.partition("?")
        self.raw_path, self.raw_query = path, raw_query
        self.query = dict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True))
        bucket, _, key = path.lstrip("/").partition("/")
        self.bucket, self.key = bucket, urllib.parse.unquote(key)
        self.body = b""
        with store.lock:
            fault = next((fault for fault in store.faults if fault.meets(self)), None)
        action = fault.action if fault else None
        if action != "drop":  # that one ends before the body is read
            self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with store.lock:
            store.requests.append(copy.copy(self))
        if action == "drop":
            self.close_connection = True
            return
        try:
            self._check()
            if action == "refuse":
                raise Refused(**fault.details)
            if action == "error200":
                self._answer(200, store.error_text(fault.details["code"], "as scripted"))
                return
            if action == "garbled":
                self._answer(200, fault.details.get("body", b"<List"))
                return
            with store.lock:
                status, headers, body = store.handle(self)
        except Refused as refusal:
            self._answer(refusal.status, store.error_text(refusal.code, refusal.message),
                         {"content-type": "application/xml", **refusal.headers})
            return
        if action == "lost":  # it was done, and nobody is told
            self.close_connection = True
            return
        self._answer(status, body, headers, action, fault)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _answer(self, status, body, headers=None, action=None, fault=None):
        self.send_response(status)
        headers = dict(headers or {})
        length = headers.pop("content-length", len(body))
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("content-length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        if action in ("cut", "stall"):
            self.wfile.write(body[:fault.details.get("bytes", len(body) // 2)])
            self.wfile.flush()
            self.close_connection = True
            if action == "stall":  # until the client goes away, or the server ends
                self.store.ended.wait(60)
            return
        self.wfile.write(body)

    # ---- what a strict store checks ----

    def _check(self):
        if self.store.is_open(self):
            return
        if self.bucket != self.store.bucket:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
        self._check_signature()
        if hashlib.sha256(self.body).hexdigest() != self.headers["x-amz-content-sha256"]:
            raise Refused(400, "XAmzContentSHA256Mismatch", "the body is not what was signed")
        checksum = self.headers.get("x-amz-checksum-sha256")
        if checksum and base64.b64decode(checksum) != hashlib.sha256(self.body).digest():
            raise Refused(400, "BadDigest", "the checksum is another")

    def _check_signature(self):
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,"
                             r"SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})",
                             self.headers.get("authorization", ""))
        if not match:
            raise Refused(403, "AccessDenied", "no signature")
        access, day, region, names, signature = match.groups()
        if access not in self.store.keys:
            raise Refused(403, "InvalidAccessKeyId", "no such access key")
        secret, token = self.store.keys[access]
        if self.headers.get("x-amz-security-token") != token:
            raise Refused(403, "InvalidToken", "another session token")
        if region != self.store.region:
            raise Refused(400, "AuthorizationHeaderMalformed", "the region is wrong",
                          **{"x-amz-bucket-region": self.store.region})
        date = self.headers["x-amz-date"]
        sent = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
        if abs(sent - self.store.now()) > 900:
            raise Refused(403, "RequestTimeTooSkewed", "the clocks differ too much")
        signed = names.split(";")
        assert signed == sorted(signed)
        must = {name for name in map(str.lower, self.headers.keys())
                if name.startswith("x-amz-")} | {"host"}
        if not must <= set(signed):
            raise Refused(403, "AccessDenied", f"not signed: {must - set(signed)}")
        query = "&".join(sorted(
            f"{urllib.parse.quote(name, safe='-._~')}={urllib.parse.quote(value, safe='-._~')}"
            for name, value in self.query.items()))
        canonical = "\n".join([
            self.command, urllib.parse.quote(urllib.parse.unquote(self.raw_path), safe="/-._~"),
            query, *(f"{name}:{' '.join(self.headers[name].split())}" for name in signed), "", names,
            self.headers["x-amz-content-sha256"]])
        if query != self.raw_query:
            raise Refused(403, "SignatureDoesNotMatch", "the query was not sent as it is signed")
        text = "\n".join(["AWS4-HMAC-SHA256", date, f"{day}/{region}/s3/aws4_request",
                          hashlib.sha256(canonical.encode()).hexdigest()])
        right = hmac.new(signing_key(secret, day, region, "s3"), text.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(right, signature):
            raise Refused(403, "SignatureDoesNotMatch", "the signature is wrong")


class FakeS3:
    """`with FakeS3() as store`: store.endpoint. What it is like is set by attributes."""

    def __init__(self, certificate=None):
        """certificate: a file with a key and its certificate, for TLS."""
        self.bucket, self.region = "bucket", "us-east-1"
        self.keys = {"test": ("testsecret", None)}  # access key: (secret, session token)
        self.objects, self.uploads, self.faults, self.requests = {}, {}, [], []
        self.clock_offset = 0
        self.encoding = "plus"  # or "percent", "none": how listings write keys
        self.conditions = "honoured"  # or "ignored", "refused"
        self.knows_checksums = True
        self.knows_ranges = True
        self.complete_twice = 404  # as MinIO; 200 elsewhere
        self.page_size = 1000
        self.deletes_many = True  # else it does not know the request
        self.undeletable = {}  # regular expression of keys: how often each is refused in such one
        self.quiet = True  # whether such an answer names only what failed, where that is asked for
        self.key_service = None  # answers what is not of the bucket: (request) -> (status, body)
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self._completed = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.store = self
        scheme = "http"
        if certificate is not None:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        self.endpoint = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def now(self):
        return time.time() + self.clock_offset

    def fault(self, action, **matching):
        fault = Fault(action, **matching)
        with self.lock:
            self.faults.append(fault)
        return fault

    def refuse(self, status, code, message="as scripted", headers=None, **matching):
        matching |= {"status": status, "code": code, "message": message, **(headers or {})}
        return self.fault("refuse", **matching)

    def seen(self, method=None, key=None):
        return [request for request in self.requests
                if method in (None, request.command) and (key is None or request.key == key)]

    @staticmethod
    def error_text(code, message):
        return (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
                f"<Message>{xml.sax.saxutils.escape(message)}</Message>"
                "<RequestId>1</RequestId></Error>").encode()

    def is_open(self, request):
        return self.key_service is not None and request.bucket != self.bucket

    # ---- operations; each gives (status, headers, body) ----

    def handle(self, request):
        if self.is_open(request):
            status, body = self.key_service(request)
            return status, {}, body
        if not request.key:
            if "delete" in request.query:
                return self._delete_many(request)
            if "uploads" in request.query:
                return self._list_uploads(request.query)
            return self._list(request.query)
        what = {"PUT": self._put, "POST": self._post, "GET": self._get, "HEAD": self._head,
                "DELETE": self._delete}[request.command]
        return what(request)

    @staticmethod
    def _meta(request):
        return {name.lower(): value for name, value in request.headers.items()
                if name.lower().startswith("x-amz-meta-")}

    def _check_condition(self, request):
        there = self.objects.get(request.key)
        none_match = request.headers.get("if-none-match")
        match = request.headers.get("if-match")
        if self.conditions == "refused" and (none_match or match):
            raise Refused(501, "NotImplemented", "A header you provided is not implemented")
        if self.conditions == "ignored":
            return
        if none_match == "*" and there is not None:
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions failed")
        if match and there is None:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        if match and there.etag != match:
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions failed")

    def _check_knows(self, request):
        if not self.knows_checksums and any("x-amz-checksum" in name.lower()
                                            for name in request.headers.keys()):
            raise Refused(400, "InvalidArgument", "Unsupported header x-amz-checksum-sha256")

    def _put(self, request):
        self._check_knows(request)
        if "uploadId" in request.query:
            upload = self._upload(request)
            part = Object(request.body, {})
            upload.parts[int(request.query["partNumber"])] = part
            return 200, {"etag": part.etag}, b""
        self._check_condition(request)
        source = request.headers.get("x-amz-copy-source")
        if source:
            name = urllib.parse.unquote(source).lstrip("/").partition("/")[2]
            if name not in self.objects:
                raise Refused(404, "NoSuchKey", "The specified key does not exist.")
            copied = self.objects[name]
            self.objects[request.key] = Object(copied.body, copied.meta)
            return 200, {}, b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"
        self.objects[request.key] = Object(request.body, self._meta(request))
        return 200, {"etag": self.objects[request.key].etag}, b""

    def _upload(self, request):
        upload = self.uploads.get(request.query["uploadId"])
        if upload is None or upload.key != request.key:
            raise Refused(404, "NoSuchUpload", "The specified upload does not exist.")
        return upload

    def _post(self, request):
        self._check_knows(request)
        if "uploads" in request.query:
            name = f"upload/{len(self.requests)}+="
            self.uploads[name] = Upload(request.key, self._meta(request))
            return 200, {}, (f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId>"
                             "</InitiateMultipartUploadResult>").encode()
        if request.query["uploadId"] in self._completed and self.complete_twice == 200:
            return self._completed[request.query["uploadId"]]
        upload = self._upload(request)
        text = request.body.decode()
        parts = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>([^<]*)</ETag>", text)
        wanted = [(int(number), xml.sax.saxutils.unescape(etag, {"&quot;": '"'}))
                  for number, etag in parts]
        if wanted != [(number, part.etag) for number, part in sorted(upload.parts.items())]:
            raise Refused(400, "InvalidPart", "One or more of the parts could not be found.")
        sizes = [len(upload.parts[number].body) for number, _ in wanted]
        if len(set(sizes[:-1])) > 1 or (len(sizes) > 1 and sizes[-1] > sizes[0]):
            raise Refused(400, "InvalidPart", "All non-trailing parts must have the same length.")
        self._check_condition(request)
        body = b"".join(upload.parts[number].body for number, _ in wanted)
        digest = hashlib.md5(body).hexdigest()
        self.objects[request.key] = Object(body, upload.meta, f'"{digest}-{len(wanted)}"')
        del self.uploads[request.query["uploadId"]]
        answer = (200, {}, (b'\n \n<?xml version="1.0" encoding="UTF-8"?>\n'
                            b"<CompleteMultipartUploadResult><ETag>&quot;" +
                            f"{digest}-{len(wanted)}".encode() +
                            b"&quot;</ETag></CompleteMultipartUploadResult>"))
        self._completed[request.query["uploadId"]] = answer
        return answer

    def _found(self, request):
        found = self.objects.get(request.key)
        if found is None:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        match = request.headers.get("if-match")
        if match and match != found.etag:
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions failed")
        return found, {"etag": found.etag, **found.meta,
                       "last-modified": email.utils.formatdate(found.modified, usegmt=True)}

    def _head(self, request):
        found, headers = self._found(request)
        return 200, {**headers, "content-length": len(found.body)}, b""

    def _get(self, request):
        found, headers = self._found(request)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not wanted or not self.knows_ranges:
            return 200, headers, found.body
        first = int(wanted[1])
        end = min(int(wanted[2]) + 1 if wanted[2] else len(found.body), len(found.body))
        if first >= len(found.body):
            raise Refused(416, "InvalidRange", "The requested range is not satisfiable")
        headers["content-range"] = f"bytes {first}-{end - 1}/{len(found.body)}"
        return 206, headers, found.body[first:end]

    def _delete(self, request):
        if "uploadId" in request.query:
            self._upload(request)
            del self.uploads[request.query["uploadId"]]
        else:
            self.objects.pop(request.key, None)
        return 204, {}, b""

    def _refuses_to_delete(self, key):
        for pattern, left in self.undeletable.items():
            if left > 0 and re.search(pattern, key):
                self.undeletable[pattern] = left - 1
                return True
        return False

    def _delete_many(self, request):
        if not self.deletes_many:
            raise Refused(501, "NotImplemented", "A header you provided is not implemented")
        if base64.b64decode(request.headers["content-md5"]) != hashlib.md5(request.body).digest():
            raise Refused(400, "BadDigest", "the checksum is another")
        root = xml.etree.ElementTree.fromstring(request.body)
        name = "{http://s3.amazonaws.com/doc/2006-03-01/}"
        keys = [found.text for found in root.iter(f"{name}Key")]
        assert 0 < len(keys) <= 1000 and root.tag == f"{name}Delete"
        answer = ""
        for key in keys:
            written = f"<Key>{xml.sax.saxutils.escape(key)}</Key>"
            if self._refuses_to_delete(key):
                answer += f"<Error>{written}<Code>InternalError</Code><Message>x</Message></Error>"
                continue
            self.objects.pop(key, None)
            if not self.quiet:
                answer += f"<Deleted>{written}</Deleted>"
        return 200, {}, f"<DeleteResult>{answer}</DeleteResult>".encode()

    def _written(self, key, query):
        if "encoding-type" not in query or self.encoding == "none":
            return xml.sax.saxutils.escape(key)
        if self.encoding == "plus":
            return urllib.parse.quote_plus(key, safe="/*-._")
        return urllib.parse.quote(key, safe="/")

    def _encoding(self, query):
        is_url = "encoding-type" in query and self.encoding != "none"
        return "<EncodingType>url</EncodingType>" if is_url else ""

    def _list(self, query):
        assert query["list-type"] == "2"
        after = query.get("continuation-token", "").removeprefix("token ") or query.get(
            "start-after", "")
        keys = [key for key in sorted(self.objects, key=str.encode)
                if key.startswith(query.get("prefix", "")) and key.encode() > after.encode()]
        size = min(self.page_size, int(query.get("max-keys", 1000)))
        page, is_cut = keys[:size], len(keys) > size
        token = f"<NextContinuationToken>token {xml.sax.saxutils.escape(page[-1])}" \
                "</NextContinuationToken>" if is_cut else ""
        entries = "".join(
            f"<Contents><Key>{self._written(key, query)}</Key><LastModified>"
            f"{utc(self.objects[key].modified)}</LastModified>"
            f"<ETag>&quot;{self.objects[key].etag[1:-1]}"
            f"&quot;</ETag><Size>{len(self.objects[key].body)}</Size></Contents>" for key in page)
        # The encoding is told behind the keys, as real stores do.
        return 200, {}, (f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns='
                         f'"http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>'
                         f"{str(is_cut).lower()}</IsTruncated>{entries}{token}"
                         f"{self._encoding(query)}</ListBucketResult>").encode()

    def _list_uploads(self, query):
        names = sorted((upload.key, name) for name, upload in self.uploads.items()
                       if upload.key.startswith(query.get("prefix", "")))
        marker = (query.get("key-marker", ""), query.get("upload-id-marker", ""))
        names = [pair for pair in names if pair > marker]
        size = min(self.page_size, int(query.get("max-uploads", 1000)))
        page, is_cut = names[:size], len(names) > size
        entries = "".join(f"<Upload><Key>{self._written(key, query)}</Key><UploadId>{name}</UploadId>"
                          "<Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>"
                          for key, name in page)
        marks = (f"<NextKeyMarker>{self._written(page[-1][0], query)}</NextKeyMarker>"
                 f"<NextUploadIdMarker>{page[-1][1]}</NextUploadIdMarker>") if is_cut else ""
        return 200, {}, (f"<ListMultipartUploadsResult>{self._encoding(query)}<IsTruncated>"
                         f"{str(is_cut).lower()}</IsTruncated>{marks}{entries}"
                         "</ListMultipartUploadsResult>").encode()
