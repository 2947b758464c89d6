// SPDX-License-Identifier: Apache-2.0
#include "support/temp_folder.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "%s: ", path);
    perror(what);
    abort();
}

static void join(char out[TEMP_PATH_BYTES], const char *folder, const char *name)
{
    size_t folder_length = strlen(folder), name_length = strlen(name);
    if (folder_length + name_length + 2 > TEMP_PATH_BYTES)
        fail("too long", name);
    memcpy(out, folder, folder_length);
    out[folder_length] = '/';
    memcpy(out + folder_length + 1, name, name_length + 1);
}

void temp_folder_make(char out[TEMP_PATH_BYTES])
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    const char *chosen = getenv("TTP_TEST_TMPDIR");
    snprintf(out, TEMP_PATH_BYTES, "%s/ttp-test-XXXXXX", chosen == NULL ? base : chosen);
    if (mkdtemp(out) == NULL)
        fail("mkdtemp", out);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static int remove_below(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    return place->level == 0 ? 0 : remove(path);
}

void temp_folder_remove(const char *path)
{
    nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}

void temp_folder_clear(const char *path)
{
    nftw(path, remove_below, 32, FTW_DEPTH | FTW_PHYS);
}

const char *temp_path(const char *folder, const char *name)
{
    static char rings[4][TEMP_PATH_BYTES];
    static unsigned next;
    char *out = rings[next++ % 4];
    join(out, folder, name);
    return out;
}

void temp_write(const char *path, const void *data, size_t size_bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size_bytes, file) != size_bytes || fclose(file) != 0)
        fail("write", path);
}

bool temp_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static size_t count_below(const char *root, const char *relative, const char *prefix,
                          const char *suffix)
{
    char path[TEMP_PATH_BYTES];
    size_t count = 0;
    join(path, root, relative);
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char name[TEMP_PATH_BYTES];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (relative[0] != '\0')
            join(name, relative, entry->d_name);
        else
            memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
        join(path, root, name);
        if (lstat(path, &info) != 0)
            continue;
        size_t length = strlen(name);
        if (S_ISDIR(info.st_mode))
            count += count_below(root, name, prefix, suffix);
        else if (strncmp(name, prefix, strlen(prefix)) == 0 && length >= strlen(suffix) &&
                 strcmp(name + length - strlen(suffix), suffix) == 0)
            count++;
    }
    if (directory != NULL)
        closedir(directory);
    return count;
}

size_t temp_count(const char *folder, const char *prefix, const char *suffix)
{
    return count_below(folder, "", prefix, suffix);
}

static void copy_file(const char *from, const char *to)
{
    char block[65536];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    size_t count;
    if (in == NULL || out == NULL)
        fail("copy", from);
    while ((count = fread(block, 1, sizeof block, in)) > 0)
        if (fwrite(block, 1, count, out) != count)
            fail("copy", to);
    fclose(in);
    if (fclose(out) != 0)
        fail("copy", to);
}

void temp_copy(const char *from, const char *to)
{
    if (mkdir(to, 0755) != 0)
        fail("mkdir", to);
    DIR *directory = opendir(from);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char source[TEMP_PATH_BYTES], target[TEMP_PATH_BYTES];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join(source, from, entry->d_name);
        join(target, to, entry->d_name);
        if (lstat(source, &info) != 0)
            fail("stat", source);
        if (S_ISDIR(info.st_mode))
            temp_copy(source, target);
        else
            copy_file(source, target);
    }
    if (directory != NULL)
        closedir(directory);
}
