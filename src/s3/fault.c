// SPDX-License-Identifier: Apache-2.0
#include "s3/fault.h"

#include <string.h>

#include "s3/xml.h"

#define ADVICE_WAIT "try again later"
#define ADVICE_KEYS "check the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE or the machine's role)"
#define ADVICE_RIGHTS                                                                              \
    "allow these credentials s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, "        \
    "s3:DeleteObject and s3:AbortMultipartUpload on its objects"
#define ADVICE_REGION "set s3_region to the bucket's region"
#define ADVICE_BUCKET "make the bucket, or correct its name and the endpoint"
#define ADVICE_CLOCK  "set this machine's clock"
#define ADVICE_STORE  "this store can't do what is needed"

struct fault_row {
    const char *code;
    enum s3_remedy remedy;
    const char *advice;
};

static const struct fault_row by_code[] = {
    {"AccessDenied", S3_FAULT_FINAL, ADVICE_RIGHTS},
    {"AccountProblem", S3_FAULT_FINAL, ADVICE_RIGHTS},
    {"AllAccessDisabled", S3_FAULT_FINAL, ADVICE_RIGHTS},
    {"AuthorizationHeaderMalformed", S3_FAULT_FINAL, ADVICE_REGION},
    {"BadDigest", S3_FAULT_DAMAGED, ADVICE_WAIT},
    {"BandwidthLimitExceeded", S3_FAULT_PASSING, ADVICE_WAIT},
    {"ConditionalRequestConflict", S3_FAULT_PASSING, ADVICE_WAIT},
    {"ExpiredToken", S3_FAULT_KEYS, ADVICE_KEYS},
    {"IllegalLocationConstraintException", S3_FAULT_FINAL, ADVICE_REGION},
    {"IncompleteBody", S3_FAULT_PASSING, ADVICE_WAIT},
    {"InternalError", S3_FAULT_PASSING, ADVICE_WAIT},
    {"InvalidAccessKeyId", S3_FAULT_KEYS, ADVICE_KEYS},
    {"InvalidBucketName", S3_FAULT_FINAL, ADVICE_BUCKET},
    {"InvalidDigest", S3_FAULT_DAMAGED, ADVICE_WAIT},
    {"InvalidToken", S3_FAULT_KEYS, ADVICE_KEYS},
    {"NoSuchBucket", S3_FAULT_FINAL, ADVICE_BUCKET},
    {"NoSuchKey", S3_FAULT_NOT_FOUND, "check what removed it"},
    {"NoSuchUpload", S3_FAULT_NOT_FOUND, "put it again"},
    {"NotImplemented", S3_FAULT_FINAL, ADVICE_STORE},
    {"OperationAborted", S3_FAULT_PASSING, ADVICE_WAIT},
    {"PermanentRedirect", S3_FAULT_FINAL, ADVICE_REGION},
    {"PreconditionFailed", S3_FAULT_CONFLICT, "check who else puts it there"},
    {"QuotaExceeded", S3_FAULT_PASSING, "make room in the bucket"},
    {"RequestExpired", S3_FAULT_CLOCK, ADVICE_CLOCK},
    {"RequestLimitExceeded", S3_FAULT_PASSING, ADVICE_WAIT},
    {"RequestThrottled", S3_FAULT_PASSING, ADVICE_WAIT},
    {"RequestTimeTooSkewed", S3_FAULT_CLOCK, ADVICE_CLOCK},
    {"RequestTimeout", S3_FAULT_PASSING, ADVICE_WAIT},
    {"ServiceUnavailable", S3_FAULT_PASSING, ADVICE_WAIT},
    {"SignatureDoesNotMatch", S3_FAULT_KEYS, ADVICE_KEYS},
    {"SlowDown", S3_FAULT_PASSING, ADVICE_WAIT},
    {"SlowDownRead", S3_FAULT_PASSING, ADVICE_WAIT},
    {"SlowDownWrite", S3_FAULT_PASSING, ADVICE_WAIT},
    {"TemporaryRedirect", S3_FAULT_PASSING, ADVICE_WAIT},
    {"Throttling", S3_FAULT_PASSING, ADVICE_WAIT},
    {"ThrottlingException", S3_FAULT_PASSING, ADVICE_WAIT},
    {"TokenRefreshRequired", S3_FAULT_KEYS, ADVICE_KEYS},
    {"XAmzContentChecksumMismatch", S3_FAULT_DAMAGED, ADVICE_WAIT},
    {"XAmzContentSHA256Mismatch", S3_FAULT_DAMAGED, ADVICE_WAIT},
    {"XMinioStorageFull", S3_FAULT_PASSING, "make room on the store's disks"},
};

static struct fault_row row_of_status(int status)
{
    switch (status) {
    case 301: return (struct fault_row){"", S3_FAULT_FINAL, ADVICE_REGION};
    case 307:
    case 308:
    case 408:
    case 409:
    case 425:
    case 429: return (struct fault_row){"", S3_FAULT_PASSING, ADVICE_WAIT};
    case 401: return (struct fault_row){"", S3_FAULT_KEYS, ADVICE_KEYS};
    case 403: return (struct fault_row){"", S3_FAULT_KEYS, ADVICE_RIGHTS};
    case 404: return (struct fault_row){"", S3_FAULT_NOT_FOUND, "check what removed it"};
    case 412: return (struct fault_row){"", S3_FAULT_CONFLICT, "check who else puts it there"};
    case 416: return (struct fault_row){"", S3_FAULT_FINAL, "check what replaced it"};
    case 501:
    case 505: return (struct fault_row){"", S3_FAULT_FINAL, ADVICE_STORE};
    default:
        return status / 100 == 5
                   ? (struct fault_row){"", S3_FAULT_PASSING, ADVICE_WAIT}
                   : (struct fault_row){"", S3_FAULT_FINAL,
                                        "check the endpoint, the bucket and s3_region"};
    }
}

static void copy_text(char *out, size_t out_bytes, struct bytes_view text)
{
    size_t size_bytes = text.size_bytes < out_bytes ? text.size_bytes : out_bytes - 1;
    if (size_bytes > 0)
        memcpy(out, text.data, size_bytes);
    out[size_bytes] = '\0';
}

/* S3 says <Error><Code>, STS <ErrorResponse><Error><Code>. */
static enum error_code take_element(void *context, const char *path, struct bytes_view text,
                                    struct error *error)
{
    struct s3_fault *fault = context;
    (void)error;
    if (strncmp(path, "ErrorResponse/", 14) == 0)
        path += 14;
    if (strcmp(path, "Error/Code") == 0)
        copy_text(fault->code, sizeof fault->code, text);
    else if (strcmp(path, "Error/Message") == 0)
        copy_text(fault->message, sizeof fault->message, text);
    else if (strcmp(path, "Error/Region") == 0)
        copy_text(fault->region, sizeof fault->region, text);
    return OK;
}

void s3_fault_read(const struct s3_answer *answer, struct s3_fault *fault)
{
    *fault = (struct s3_fault){.status = answer->status, .advice = ""};
    if (answer->body.size_bytes > 0) {
        const struct s3_xml_handler handler = {fault, take_element};
        struct error ignored; /* a body that is no XML tells nothing more than the status */
        if (s3_xml_read(buffer_view(&answer->body), &handler, &ignored) != OK &&
            answer->status / 100 == 2)
            fault->code[0] = '\0';
    }
    if (answer->status / 100 == 2 && fault->code[0] == '\0')
        return;
    const char *region = s3_answer_header(answer, "x-amz-bucket-region");
    if (region != NULL)
        copy_text(fault->region, sizeof fault->region, bytes_view_text(region));
    struct fault_row row = row_of_status(answer->status / 100 == 2 ? 500 : answer->status);
    for (size_t i = 0; i < sizeof by_code / sizeof by_code[0]; i++) {
        if (strcmp(by_code[i].code, fault->code) == 0)
            row = by_code[i];
    }
    fault->remedy = row.remedy;
    fault->advice = row.advice;
}

static enum error_code code_of(enum s3_remedy remedy)
{
    switch (remedy) {
    case S3_FAULT_NONE: return OK;
    case S3_FAULT_PASSING: return ERR_RETRY;
    case S3_FAULT_DAMAGED: return ERR_CORRUPT;
    case S3_FAULT_NOT_FOUND: return ERR_NOT_FOUND;
    case S3_FAULT_CONFLICT: return ERR_CONFLICT;
    default: return ERR_INVALID;
    }
}

enum error_code s3_fault_error(const struct s3_fault *fault, struct error *error)
{
    if (fault->remedy == S3_FAULT_NONE)
        return OK;
    const char *space = fault->code[0] != '\0' ? " " : "";
    bool has_words = fault->message[0] != '\0';
    return error_set(
        error, code_of(fault->remedy), "the object store answered %d%s%s%s%s%s; %s%s%s",
        fault->status, space, fault->code, has_words ? " (" : "", fault->message,
        has_words ? ")" : "", fault->advice,
        fault->region[0] != '\0' && strcmp(fault->advice, ADVICE_REGION) == 0 ? ", " : "",
        strcmp(fault->advice, ADVICE_REGION) == 0 ? fault->region : "");
}
