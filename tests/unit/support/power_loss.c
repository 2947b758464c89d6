// SPDX-License-Identifier: Apache-2.0
#include "support/power_loss.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/library_hook.h"
#include "support/temp_folder.h"

#define INODE_MAX   4096
#define BLOCK_BYTES 4096

struct entry {
    char *name;
    struct inode *inode;
};

/* A file or directory. Its descriptor stays open, so that the kernel gives its number to no other,
 * and (files) is never closed, since that would drop SQLite's locks. */
struct inode {
    ino_t number;
    int fd;
    bool is_directory;
    bool applied; /* at the strike: changes of its names are kept */

    uint8_t *durable; /* of a file: its bytes at the last sync */
    size_t durable_bytes;
    struct entry *entries; /* of a directory: its names at the last sync */
    size_t entry_count;
};

static struct inode inodes[INODE_MAX];
static size_t inode_count;
static struct power_loss_plan plan;
static uint64_t counted, library_syncs, random_state;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    abort();
}

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* ---- what is there ---- */

static struct inode *inode_at(int directory_fd, const char *name)
{
    struct stat info;
    if (fstatat(directory_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return NULL;
    for (size_t i = 0; i < inode_count; i++)
        if (inodes[i].number == info.st_ino)
            return &inodes[i];
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && inode_count < INODE_MAX, name);
    struct inode *inode = &inodes[inode_count++];
    *inode = (struct inode){.number = info.st_ino, .fd = fd, .is_directory = S_ISDIR(info.st_mode)};
    return inode;
}

static struct inode *inode_of_path(const char *path)
{
    return inode_at(AT_FDCWD, path);
}

static uint8_t *read_all(const struct inode *file, size_t *size_bytes)
{
    struct stat info;
    must(fstat(file->fd, &info) == 0, "fstat");
    *size_bytes = (size_t)info.st_size;
    uint8_t *bytes = malloc(*size_bytes + 1);
    must(bytes != NULL, "malloc");
    for (size_t at = 0; at < *size_bytes;) {
        ssize_t count = pread(file->fd, bytes + at, *size_bytes - at, (off_t)at);
        must(count > 0, "pread");
        at += (size_t)count;
    }
    return bytes;
}

static void list(const struct inode *directory, struct entry **entries, size_t *count)
{
    int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *item;
    *entries = NULL;
    *count = 0;
    if (stream == NULL)
        return; /* it was deleted */
    while ((item = readdir(stream)) != NULL) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        struct inode *inode = inode_at(directory->fd, item->d_name);
        if (inode == NULL)
            continue;
        *entries = realloc(*entries, (*count + 1) * sizeof **entries);
        must(*entries != NULL, "realloc");
        (*entries)[(*count)++] = (struct entry){strdup(item->d_name), inode};
    }
    closedir(stream);
}

static struct inode *find(const struct entry *entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].name, name) == 0)
            return entries[i].inode;
    return NULL;
}

/* ---- what is durable ---- */

static void sync_inode(struct inode *inode)
{
    if (inode->is_directory) {
        list(inode, &inode->entries, &inode->entry_count);
        return;
    }
    free(inode->durable);
    inode->durable = read_all(inode, &inode->durable_bytes);
}

/* What is synced by its descriptor, whoever asks for it. */
static void sync_descriptor(int fd)
{
    struct stat info;
    must(fstat(fd, &info) == 0, "fstat");
    for (size_t i = 0; i < inode_count; i++)
        if (inodes[i].number == info.st_ino)
            sync_inode(&inodes[i]);
}

static void sync_tree(struct inode *inode)
{
    sync_inode(inode);
    for (size_t i = 0; inode->is_directory && i < inode->entry_count; i++)
        sync_tree(inode->entries[i].inode);
}

/* ---- the strike ---- */

/* What the disk shows of a file, into a new one. */
static void write_image(const struct inode *file, const char *path)
{
    size_t current_bytes;
    uint8_t *current = read_all(file, &current_bytes);
    bool keep_current = plan.mode == POWER_LOSS_FORGETS_NAMES;
    size_t size_bytes = keep_current ? current_bytes : file->durable_bytes;
    if (plan.mode == POWER_LOSS_RANDOM && next_random() % 2 == 0)
        size_bytes = current_bytes; /* the new length was kept */
    uint8_t *image = calloc(size_bytes + 1, 1);
    must(image != NULL, "calloc");
    for (size_t at = 0; at < size_bytes; at += BLOCK_BYTES) {
        size_t end = at + BLOCK_BYTES < size_bytes ? at + BLOCK_BYTES : size_bytes;
        bool take_current =
            keep_current || (plan.mode == POWER_LOSS_RANDOM && next_random() % 2 == 0);
        const uint8_t *from = take_current ? current : file->durable;
        size_t from_bytes = take_current ? current_bytes : file->durable_bytes;
        if (at < from_bytes)
            memcpy(image + at, from + at, (from_bytes < end ? from_bytes : end) - at);
    }
    temp_write(path, image, size_bytes);
    free(image);
    free(current);
}

/* The inode that has a name afterwards: a change that was not kept leaves the durable one. */
static struct inode *survivor(struct inode *durable, struct inode *current)
{
    if (current != NULL && (current == durable || current->applied))
        return current;
    if (durable != NULL && (current != NULL || !durable->applied))
        return durable;
    return NULL;
}

static void write_tree(const struct inode *directory, const char *path, int depth);

static void write_survivor(struct inode *durable, struct inode *current, const char *directory,
                           const char *name, int depth)
{
    struct inode *inode = survivor(durable, current);
    size_t length = strlen(name);
    char path[TEMP_PATH_BYTES];
    if (inode == NULL || (length > 4 && strcmp(name + length - 4, "-shm") == 0))
        return; /* shared memory does not outlive the machine */
    must(strlen(directory) + length + 2 < sizeof path, name);
    snprintf(path, sizeof path, "%.3000s/%.1000s", directory, name);
    if (inode->is_directory)
        write_tree(inode, path, depth + 1);
    else
        write_image(inode, path);
}

static void write_tree(const struct inode *directory, const char *path, int depth)
{
    struct entry *current;
    size_t current_count;
    must(depth < 32, "too deep");
    must(mkdir(path, 0755) == 0, path);
    list(directory, &current, &current_count);
    for (size_t i = 0; i < directory->entry_count; i++) {
        const char *name = directory->entries[i].name;
        write_survivor(directory->entries[i].inode, find(current, current_count, name), path, name,
                       depth);
    }
    for (size_t i = 0; i < current_count; i++)
        if (find(directory->entries, directory->entry_count, current[i].name) == NULL)
            write_survivor(NULL, current[i].inode, path, current[i].name, depth);
}

/* The image is built beside the folder, from files that stay as they are, and takes its place. */
_Noreturn void power_loss_strike(void)
{
    char image[TEMP_PATH_BYTES];
    for (size_t i = 0; i < inode_count; i++)
        inodes[i].applied = plan.mode == POWER_LOSS_FORGETS_DATA ||
                            (plan.mode == POWER_LOSS_RANDOM && next_random() % 2 == 0);
    must(strlen(plan.root) + 8 < sizeof image, "path");
    snprintf(image, sizeof image, "%.4000s-image", plan.root);
    write_tree(inode_of_path(plan.root), image, 0);
    temp_folder_remove(plan.root);
    must(rename(image, plan.root) == 0, "rename");
    _exit(POWER_LOSS_EXIT_CODE);
}

static void count_operation(void)
{
    if (++counted == plan.at)
        power_loss_strike();
}

/* ---- the calls ---- */

static int watched_open(const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) == 0)
        return os_calls_real.open(path, flags, mode);
    count_operation();
    int fd = os_calls_real.open(path, flags, mode);
    if (fd >= 0)
        must(inode_of_path(path) != NULL, path);
    return fd;
}

static ssize_t watched_pwrite(int fd, const void *data, size_t size_bytes, off_t offset)
{
    count_operation();
    return os_calls_real.pwrite(fd, data, size_bytes, offset);
}

/* In place of libc's, for SQLite as well: so it is its own calls that count, those of the
 * directory of a new WAL included, and not what our VFS believes to have passed on. */
int fsync(int fd)
{
    if (inode_count == 0)
        return (int)syscall(SYS_fsync, fd);
    sync_descriptor(fd);
    return 0;
}

int fdatasync(int fd)
{
    if (inode_count == 0)
        return (int)syscall(SYS_fdatasync, fd);
    sync_descriptor(fd);
    return 0;
}

static int watched_fsync(int fd)
{
    count_operation();
    return fsync(fd);
}

static int watched_ftruncate(int fd, off_t size_bytes)
{
    count_operation();
    return os_calls_real.ftruncate(fd, size_bytes);
}

static int watched_rename_no_replace(const char *from, const char *to)
{
    count_operation();
    return os_calls_real.rename_no_replace(from, to);
}

static int watched_rename(const char *from, const char *to)
{
    count_operation();
    return os_calls_real.rename(from, to);
}

static int watched_link(const char *path, const char *name)
{
    count_operation();
    return os_calls_real.link(path, name);
}

static int watched_unlink(const char *path)
{
    count_operation();
    return os_calls_real.unlink(path);
}

static int watched_mkdir(const char *path, mode_t mode)
{
    count_operation();
    int result = os_calls_real.mkdir(path, mode);
    if (result == 0)
        must(inode_of_path(path) != NULL, path);
    return result;
}

static int library_before(void *context, const struct os_library_call *call, size_t *done_bytes)
{
    (void)context;
    (void)done_bytes;
    count_operation();
    if (call->operation == OS_LIBRARY_SYNC && ++library_syncs == plan.fail_library_sync)
        return EIO;
    return 0;
}

static void library_after(void *context, const struct os_library_call *call)
{
    (void)context;
    if (call->operation != OS_LIBRARY_DELETE)
        must(inode_of_path(call->path) != NULL, call->path);
}

void power_loss_begin(const struct power_loss_plan *wanted)
{
    static struct os_calls calls;
    static const struct os_library_hook hook = {.before = library_before, .after = library_after};
    calls = os_calls_real;
    calls.open = watched_open;
    calls.pwrite = watched_pwrite;
    calls.fsync = watched_fsync;
    calls.fdatasync = watched_fsync;
    calls.ftruncate = watched_ftruncate;
    calls.rename_no_replace = watched_rename_no_replace;
    calls.rename = watched_rename;
    calls.link = watched_link;
    calls.unlink = watched_unlink;
    calls.mkdir = watched_mkdir;
    plan = *wanted;
    counted = library_syncs = 0;
    random_state = plan.seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    inode_count = 0;
    struct inode *root = inode_of_path(plan.root);
    must(root != NULL, plan.root);
    sync_tree(root);
    os_calls_set(&calls);
    os_library_hook_set(&hook);
}

uint64_t power_loss_count(void)
{
    return counted;
}

static struct power_loss_plan doubted;

void power_loss_doubt(const struct power_loss_plan *wanted)
{
    doubted = wanted == NULL ? (struct power_loss_plan){.at = 0} : *wanted;
}

static const char *const mode_words[] = {
    [POWER_LOSS_FORGETS_ALL] = "names and data forgotten",
    [POWER_LOSS_FORGETS_DATA] = "data forgotten",
    [POWER_LOSS_FORGETS_NAMES] = "names forgotten",
    [POWER_LOSS_RANDOM] = "some of both forgotten",
};

void power_loss_tell_sweep(const char *what, enum power_loss_mode mode, uint64_t count)
{
    printf("swept: %s, power lost before the operation, %s: %" PRIu64 "\n", what, mode_words[mode],
           count);
}

void power_loss_tell(void)
{
    if (doubted.root == NULL)
        return;
    fprintf(stderr, "\npower lost before operation %" PRIu64 ", %s", doubted.at,
            mode_words[doubted.mode]);
    if (doubted.fail_library_sync != 0)
        fprintf(stderr, ", after sync %" PRIu64 " of SQLite's had failed",
                doubted.fail_library_sync);
    fprintf(stderr, "\n");
    power_loss_doubt(NULL);
}
