// SPDX-License-Identifier: Apache-2.0
/*
 * A real folder whose disk fails as the world says: our operations (os/calls.h) and SQLite's
 * (os/library_hook.h) are counted together.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>

#include "oracle.h"
#include "os/calls.h"
#include "os/library_hook.h"
#include "support/power_loss.h"
#include "tasks.h"

enum operation_class { CLASS_OTHER, CLASS_WRITE, CLASS_SYNC };
enum crash_how { CRASH_BEFORE, CRASH_AFTER, CRASH_MIDST, CRASH_KINDS };

static bool dies_after; /* the operation in hand */
static bool is_in_force;

static int fault(int system_errno)
{
    world->disk_faults++;
    return system_errno;
}

static bool is_full(void)
{
    const struct world_life *life = &world->life;
    if (life->full_at != 0 && world->life.operations >= life->full_at && !world->life.was_full) {
        world->life.was_full = true;
        world->life.full_until_us = world->now_us + life->full_us;
    }
    return world->life.was_full && world->now_us < world->life.full_until_us;
}

/* One operation: 0 to go on, else an errno. *part: a write is to be done in part, and then the
 * process dies. */
static int meet(enum operation_class operation, bool *part)
{
    const struct world_life *life = &world->life;
    uint64_t number = ++world->life.operations;
    *part = dies_after = false;
    tasks_meet_freeze(number);
    if (number == life->crash_at) {
        world->crashes++;
        if (life->crash_how == CRASH_BEFORE)
            world_end_process(WORLD_EXIT_DIED);
        *part = life->crash_how == CRASH_MIDST && operation == CLASS_WRITE;
        dies_after = true;
        return 0;
    }
    for (size_t i = 0; i < WORLD_EIO_MAX; i++)
        if (life->eio_at[i] == number)
            return fault(EIO);
    if (operation == CLASS_WRITE)
        oracle_note_write(is_full());
    if (operation == CLASS_WRITE && is_full())
        return fault(ENOSPC);
    if (operation == CLASS_WRITE && life->interrupts && world_chance(50))
        return fault(EINTR);
    return 0;
}

static void passed(void)
{
    if (dies_after)
        world_end_process(WORLD_EXIT_DIED);
}

static bool fails(enum operation_class operation)
{
    bool part;
    int system_errno = meet(operation, &part);
    if (system_errno == 0)
        return false;
    errno = system_errno == EINTR ? EIO : system_errno; /* these calls are not interrupted */
    return true;
}

#define GUARDED(operation, call)                                                                   \
    if (fails(operation))                                                                          \
        return -1;                                                                                 \
    int result = os_calls_real.call;                                                               \
    passed();                                                                                      \
    return result

static int disk_open(const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) == 0)
        return os_calls_real.open(path, flags, mode);
    GUARDED(CLASS_WRITE, open(path, flags, mode));
}

static ssize_t disk_pread(int fd, void *data, size_t size_bytes, off_t offset)
{
    if (++world->life.reads == world->life.read_eio_at) {
        errno = fault(EIO);
        return -1;
    }
    if (world->life.short_writes && size_bytes > 1 && world_chance(8))
        size_bytes = 1 + world_below((uint32_t)(size_bytes - 1));
    return os_calls_real.pread(fd, data, size_bytes, offset);
}

static ssize_t disk_pwrite(int fd, const void *data, size_t size_bytes, off_t offset)
{
    bool part;
    int system_errno = meet(CLASS_WRITE, &part);
    if (system_errno != 0) {
        errno = system_errno;
        return -1;
    }
    if (size_bytes > 1 && (part || (world->life.short_writes && world_chance(8))))
        size_bytes = 1 + world_below((uint32_t)(size_bytes - 1));
    ssize_t result = os_calls_real.pwrite(fd, data, size_bytes, offset);
    passed();
    return result;
}

static int disk_fsync(int fd)
{
    GUARDED(CLASS_SYNC, fsync(fd));
}

static int disk_fdatasync(int fd)
{
    GUARDED(CLASS_SYNC, fdatasync(fd));
}

static int disk_ftruncate(int fd, off_t size_bytes)
{
    GUARDED(CLASS_OTHER, ftruncate(fd, size_bytes));
}

static int disk_rename_no_replace(const char *from, const char *to)
{
    GUARDED(CLASS_WRITE, rename_no_replace(from, to));
}

static int disk_rename(const char *from, const char *to)
{
    GUARDED(CLASS_WRITE, rename(from, to));
}

static int disk_link(const char *path, const char *name)
{
    GUARDED(CLASS_WRITE, link(path, name));
}

static int disk_unlink(const char *path)
{
    GUARDED(CLASS_OTHER, unlink(path));
}

static int disk_mkdir(const char *path, mode_t mode)
{
    GUARDED(CLASS_WRITE, mkdir(path, mode));
}

static int disk_rmdir(const char *path)
{
    GUARDED(CLASS_OTHER, rmdir(path));
}

static int disk_statvfs(const char *path, struct statvfs *out)
{
    int result = os_calls_real.statvfs(path, out);
    bool is_told_full = result == 0 && is_full();
    if (result == 0)
        out->f_bavail = out->f_bfree = is_told_full ? 0 : UINT64_C(1) << 40;
    world->disk_faults += is_told_full;
    return result;
}

static enum operation_class class_of(enum os_library_operation operation)
{
    if (operation == OS_LIBRARY_SYNC)
        return CLASS_SYNC;
    return operation == OS_LIBRARY_WRITE ? CLASS_WRITE : CLASS_OTHER;
}

static int library_before(void *context, const struct os_library_call *call, size_t *done_bytes)
{
    (void)context;
    bool part;
    int system_errno = meet(class_of(call->operation), &part);
    bool is_write = call->operation == OS_LIBRARY_WRITE;
    if (part)
        world_end_process(WORLD_EXIT_DIED); /* a part of a page is as good as none to SQLite */
    if (is_write && system_errno == EIO && call->size_bytes > 1)
        *done_bytes = world_below((uint32_t)call->size_bytes);
    return system_errno;
}

static void library_after(void *context, const struct os_library_call *call)
{
    (void)context;
    (void)call;
    passed();
}

void disk_begin(const char *base)
{
    static struct os_calls calls;
    static const struct os_library_hook hook = {.before = library_before, .after = library_after};
    calls = os_calls_real;
    calls.open = disk_open;
    calls.pread = disk_pread;
    calls.pwrite = disk_pwrite;
    calls.fsync = disk_fsync;
    calls.fdatasync = disk_fdatasync;
    calls.ftruncate = disk_ftruncate;
    calls.rename_no_replace = disk_rename_no_replace;
    calls.rename = disk_rename;
    calls.link = disk_link;
    calls.unlink = disk_unlink;
    calls.mkdir = disk_mkdir;
    calls.rmdir = disk_rmdir;
    calls.statvfs = disk_statvfs;
    is_in_force = true;
    if (world->life.power_loss_at != 0) {
        const struct power_loss_plan plan = {
            .root = base,
            .at = world->life.power_loss_at,
            .mode = (enum power_loss_mode)world_below(POWER_LOSS_MODE_COUNT),
            .seed = world->random};
        power_loss_begin(&plan);
        return;
    }
    os_calls_set(&calls);
    os_library_hook_set(&hook);
}

bool disk_is_faulty(void)
{
    return is_in_force;
}

enum disk_death disk_count_request(void)
{
    if (!is_in_force)
        return DEATH_NONE;
    uint64_t number = ++world->life.operations;
    tasks_meet_freeze(number);
    if (number != world->life.crash_at)
        return DEATH_NONE;
    world->crashes++;
    return world->life.crash_how == CRASH_BEFORE  ? DEATH_BEFORE
           : world->life.crash_how == CRASH_AFTER ? DEATH_AFTER
                                                  : DEATH_UNDER_WAY;
}

void disk_end(void)
{
    is_in_force = false;
    os_calls_set(&os_calls_real);
    os_library_hook_set(NULL);
}
