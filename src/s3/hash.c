// SPDX-License-Identifier: Apache-2.0
#include "s3/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util/memory.h"

#define PIECE_BYTES ((size_t)256 << 10)

enum error_code s3_sha256(struct bytes_view bytes, uint8_t out[S3_SHA256_BYTES])
{
    return EVP_Digest(bytes.data, bytes.size_bytes, out, NULL, EVP_sha256(), NULL) == 1
               ? OK
               : ERR_NO_MEMORY;
}

enum error_code s3_md5(struct bytes_view bytes, uint8_t out[S3_MD5_BYTES])
{
    return EVP_Digest(bytes.data, bytes.size_bytes, out, NULL, EVP_md5(), NULL) == 1 ? OK
                                                                                     : ERR_INVALID;
}

enum error_code s3_hmac(struct bytes_view key, struct bytes_view text, uint8_t out[S3_SHA256_BYTES])
{
    unsigned size_bytes = S3_SHA256_BYTES;
    return HMAC(EVP_sha256(), key.data, (int)key.size_bytes, text.data, text.size_bytes, out,
                &size_bytes) != NULL
               ? OK
               : ERR_NO_MEMORY;
}

enum error_code s3_sha256_file(const struct os_file *file, uint64_t offset, uint64_t size_bytes,
                               uint8_t out[S3_SHA256_BYTES], struct error *error)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    enum error_code code = OK;
    if (context == NULL || piece == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        code = error_no_memory(error, "a checksum");
    while (code == OK && size_bytes > 0) {
        size_t now = size_bytes < PIECE_BYTES ? (size_t)size_bytes : PIECE_BYTES;
        code = os_file_read(file, offset, piece, now, error);
        if (code == OK && EVP_DigestUpdate(context, piece, now) != 1)
            code = error_no_memory(error, "a checksum");
        offset += now;
        size_bytes -= now;
    }
    if (code == OK && EVP_DigestFinal_ex(context, out, NULL) != 1)
        code = error_no_memory(error, "a checksum");
    EVP_MD_CTX_free(context);
    mem_free(piece);
    return code;
}
