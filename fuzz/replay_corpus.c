// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target's corpus through it once, without libFuzzer: replay_corpus FOLDER. The empty
 * input always runs; a folder that is not there is an empty corpus.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX (16u << 20)

/* Returns the file's content (to be freed), with its size; NULL if it can't be read. */
static uint8_t *read_input(const char *path, size_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    uint8_t *content = malloc(INPUT_BYTES_MAX);
    if (content != NULL) {
        *size_bytes = fread(content, 1, INPUT_BYTES_MAX, file);
        if (ferror(file) || !feof(file)) {
            free(content);
            content = NULL;
        }
    }
    fclose(file);
    if (content == NULL) {
        return NULL;
    }
    /* Exactly as large as the input, so that a read beyond it is found by AddressSanitizer. */
    uint8_t *exact = malloc(*size_bytes > 0 ? *size_bytes : 1);
    if (exact != NULL) {
        memcpy(exact, content, *size_bytes);
    }
    free(content);
    return exact;
}

static int replay(const char *folder, const char *name)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        fprintf(stderr, "%s/%s: the path is too long\n", folder, name);
        return 1;
    }
    size_t size_bytes = 0;
    uint8_t *input = read_input(path, &size_bytes);
    if (input == NULL) {
        fprintf(stderr, "%s: can't be read, or larger than %u bytes\n", path, INPUT_BYTES_MAX);
        return 1;
    }
    LLVMFuzzerTestOneInput(input, size_bytes);
    free(input);
    return 0;
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
        return 2;
    }
    uint8_t nothing = 0;
    LLVMFuzzerTestOneInput(&nothing, 0);

    DIR *folder = opendir(arguments[1]);
    if (folder == NULL) {
        if (errno == ENOENT) {
            return 0;
        }
        fprintf(stderr, "%s: %s\n", arguments[1], strerror(errno));
        return 1;
    }
    int failed = 0;
    unsigned count = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            failed |= replay(arguments[1], entry->d_name);
            count++;
        }
    }
    closedir(folder);
    printf("%u inputs\n", count);
    return failed;
}
