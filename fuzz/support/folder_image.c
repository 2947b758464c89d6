// SPDX-License-Identifier: Apache-2.0
#include "support/folder_image.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES  4300
#define ENTRY_MAX   256
#define LONG_AGO    1000000000 /* seconds: 2001 */
#define CONTENT_MAX ((size_t)4 << 20)

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "%s: ", path);
    perror(what);
    abort();
}

static void full_path(char out[PATH_BYTES], const char *folder, const char *relative)
{
    int length =
        snprintf(out, PATH_BYTES, relative[0] == '\0' ? "%s%s" : "%s/%s", folder, relative);
    assert(length > 0 && length < PATH_BYTES);
}

/* A file's bytes or a link's target, into a new piece of memory; nothing for other kinds. */
static uint8_t *read_content(const char *path, const struct stat *info, size_t *size_bytes)
{
    *size_bytes = 0;
    if (!S_ISREG(info->st_mode) && !S_ISLNK(info->st_mode))
        return NULL;
    size_t room = (size_t)info->st_size + 1;
    assert(room <= CONTENT_MAX);
    uint8_t *content = malloc(room);
    if (content == NULL)
        fail("malloc", path);
    ssize_t taken;
    if (S_ISLNK(info->st_mode)) {
        taken = readlink(path, (char *)content, room);
    } else {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        taken = fd < 0 ? -1 : read(fd, content, room);
        close(fd);
    }
    if (taken < 0)
        fail("read", path);
    *size_bytes = (size_t)taken;
    return content;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void take_below(struct folder_image *image, const char *folder, const char *relative)
{
    char path[PATH_BYTES], inner[PATH_BYTES];
    full_path(path, folder, relative);
    assert(image->count < ENTRY_MAX);
    struct folder_entry *entry = &image->entries[image->count++];
    if (lstat(path, &entry->info) != 0)
        fail("lstat", path);
    entry->path = strdup(relative);
    entry->content = read_content(path, &entry->info, &entry->size_bytes);
    DIR *directory = S_ISDIR(entry->info.st_mode) ? opendir(path) : NULL;
    const struct dirent *found;
    while (directory != NULL && (found = readdir(directory)) != NULL) {
        int length = snprintf(inner, sizeof inner, "%s%s%s", relative,
                              relative[0] == '\0' ? "" : "/", found->d_name);
        assert(length > 0 && (size_t)length < sizeof inner);
        if (!is_dots(found->d_name))
            take_below(image, folder, inner);
    }
    if (directory != NULL)
        closedir(directory);
}

void folder_image_take(struct folder_image *image, const char *folder)
{
    image->count = 0;
    image->entries = calloc(ENTRY_MAX, sizeof *image->entries);
    if (image->entries == NULL)
        fail("calloc", folder);
    take_below(image, folder, "");
}

void folder_image_lay(const struct folder_image *image, const char *folder)
{
    char path[PATH_BYTES];
    for (size_t i = 1; i < image->count; i++) {
        const struct folder_entry *entry = &image->entries[i];
        mode_t mode = entry->info.st_mode;
        full_path(path, folder, entry->path);
        if (S_ISDIR(mode)) {
            if (mkdir(path, mode & 0777) != 0)
                fail("mkdir", path);
            continue;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
        if (fd < 0 || write(fd, entry->content, entry->size_bytes) != (ssize_t)entry->size_bytes)
            fail("write", path);
        close(fd);
    }
}

void folder_image_age(const char *folder)
{
    static const struct timespec times[2] = {{.tv_sec = LONG_AGO}, {.tv_sec = LONG_AGO}};
    struct folder_image image;
    char path[PATH_BYTES];
    folder_image_take(&image, folder);
    for (size_t i = image.count; i-- > 0;) {
        full_path(path, folder, image.entries[i].path);
        if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) != 0)
            fail("utimensat", path);
        free(image.entries[i].path);
        free(image.entries[i].content);
    }
    free(image.entries);
}

static const char *find_difference(const struct folder_entry *entry, const char *path)
{
    struct stat now;
    const struct stat *then = &entry->info;
    size_t size_bytes;
    if (lstat(path, &now) != 0)
        return "is gone";
    if (now.st_ino != then->st_ino || (now.st_mode & S_IFMT) != (then->st_mode & S_IFMT))
        return "was replaced";
    if (now.st_mode != then->st_mode || now.st_uid != then->st_uid || now.st_gid != then->st_gid)
        return "has other rights or another owner";
    if (now.st_mtim.tv_sec != then->st_mtim.tv_sec || now.st_size != then->st_size)
        return "was written to (or something was made or removed in it)";
    /* Memory that is mapped is written without a new time. */
    uint8_t *content = read_content(path, &now, &size_bytes);
    bool same = size_bytes == entry->size_bytes &&
                (size_bytes == 0 || memcmp(content, entry->content, size_bytes) == 0);
    free(content);
    return same ? NULL : "has other contents";
}

bool folder_image_is_same(const struct folder_image *image, const char *folder)
{
    char path[PATH_BYTES];
    bool same = true;
    for (size_t i = 0; i < image->count; i++) {
        full_path(path, folder, image->entries[i].path);
        const char *difference = find_difference(&image->entries[i], path);
        if (difference != NULL)
            fprintf(stderr, "OUTSIDE: %s %s\n", path, difference);
        same = same && difference == NULL;
    }
    return same;
}
