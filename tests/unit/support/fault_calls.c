// SPDX-License-Identifier: Apache-2.0
#include "support/fault_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/calls.h"
#include "os/library_hook.h"

enum operation_class { CLASS_OTHER = 0, CLASS_WRITE = 1, CLASS_SYNC = 2 };

static struct fault_plan plan;
static uint64_t counted;
static bool met;

static bool counts(bool is_ours, enum operation_class operation)
{
    switch (plan.scope) {
    case FAULT_ALL: return true;
    case FAULT_OURS: return is_ours;
    case FAULT_LIBRARY: return !is_ours;
    case FAULT_WRITES: return operation == CLASS_WRITE;
    case FAULT_SYNCS: return operation == CLASS_SYNC;
    }
    return false;
}

/* Counts one operation; whether the fault hits it. */
static bool hit(bool is_ours, enum operation_class operation)
{
    if (!counts(is_ours, operation))
        return false;
    uint64_t index = ++counted;
    uint64_t count = plan.count == 0 ? 1 : plan.count;
    if (plan.first == 0 || index < plan.first || index - plan.first >= count)
        return false;
    met = true;
    if (plan.kind == FAULT_DIE_BEFORE)
        _exit(FAULT_EXIT_CODE);
    return plan.kind != FAULT_NONE;
}

static void passed(bool is_hit)
{
    if (is_hit && plan.kind == FAULT_DIE_AFTER)
        _exit(FAULT_EXIT_CODE);
}

/* Whether a hit operation fails instead of being done. */
static bool fails(bool is_hit)
{
    if (!is_hit || plan.kind != FAULT_ERRNO)
        return false;
    errno = plan.system_errno;
    return true;
}

#define GUARDED(type, operation, call)                                                             \
    bool is_hit = hit(true, (operation));                                                          \
    if (fails(is_hit))                                                                             \
        return -1;                                                                                 \
    type result = os_calls_real.call;                                                              \
    passed(is_hit);                                                                                \
    return result

static int fault_open(const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) == 0)
        return os_calls_real.open(path, flags, mode);
    GUARDED(int, CLASS_WRITE, open(path, flags, mode));
}

static ssize_t fault_pwrite(int fd, const void *data, size_t size_bytes, off_t offset)
{
    bool is_hit = hit(true, CLASS_WRITE);
    if (fails(is_hit))
        return -1;
    if (is_hit && plan.kind == FAULT_SHORT && size_bytes > 1)
        size_bytes /= 2;
    ssize_t result = os_calls_real.pwrite(fd, data, size_bytes, offset);
    passed(is_hit);
    return result;
}

static int fault_fsync(int fd)
{
    GUARDED(int, CLASS_SYNC, fsync(fd));
}

static int fault_fdatasync(int fd)
{
    GUARDED(int, CLASS_SYNC, fdatasync(fd));
}

static int fault_ftruncate(int fd, off_t size_bytes)
{
    GUARDED(int, CLASS_OTHER, ftruncate(fd, size_bytes));
}

static int fault_rename_no_replace(const char *from, const char *to)
{
    GUARDED(int, CLASS_WRITE, rename_no_replace(from, to));
}

static int fault_rename(const char *from, const char *to)
{
    GUARDED(int, CLASS_WRITE, rename(from, to));
}

static int fault_link(const char *path, const char *name)
{
    GUARDED(int, CLASS_WRITE, link(path, name));
}

static int fault_unlink(const char *path)
{
    GUARDED(int, CLASS_OTHER, unlink(path));
}

static int fault_mkdir(const char *path, mode_t mode)
{
    GUARDED(int, CLASS_WRITE, mkdir(path, mode));
}

static int fault_rmdir(const char *path)
{
    GUARDED(int, CLASS_OTHER, rmdir(path));
}

static enum operation_class class_of(enum os_library_operation operation)
{
    if (operation == OS_LIBRARY_SYNC)
        return CLASS_SYNC;
    return operation == OS_LIBRARY_WRITE ? CLASS_WRITE : CLASS_OTHER;
}

static bool library_hit;

static int library_before(void *context, const struct os_library_call *call, size_t *done_bytes)
{
    (void)context;
    library_hit = hit(false, class_of(call->operation));
    if (!library_hit)
        return 0;
    if (plan.kind == FAULT_ERRNO)
        return plan.system_errno;
    if (plan.kind == FAULT_SHORT && call->operation == OS_LIBRARY_WRITE) {
        *done_bytes = call->size_bytes / 2;
        return EIO;
    }
    return 0;
}

static void library_after(void *context, const struct os_library_call *call)
{
    (void)context;
    (void)call;
    passed(library_hit);
    library_hit = false;
}

/* A step that shares no factor with what repeats, so that a sweep meets each part of it. */
static uint64_t prime_from(uint64_t number)
{
    for (;; number++) {
        uint64_t factor = 2;
        while (factor * factor <= number && number % factor != 0)
            factor++;
        if (factor * factor > number)
            return number;
    }
}

uint64_t fault_step(uint64_t step)
{
    const char *how = getenv("TTP_TEST_SWEEPS");
    how = how == NULL ? "" : how;
    if (step <= 1 || strcmp(how, "all") == 0)
        return 1;
    if (strcmp(how, "fine") == 0)
        return step;
    return prime_from(step * (strcmp(how, "long") == 0 ? 3 : 9));
}

void fault_tell_sweep(const char *what, uint64_t count)
{
    printf("swept: %s: %" PRIu64 "\n", what, count);
}

void fault_begin(const struct fault_plan *wanted)
{
    static struct os_calls calls;
    static const struct os_library_hook hook = {.before = library_before, .after = library_after};
    calls = os_calls_real;
    calls.open = fault_open;
    calls.pwrite = fault_pwrite;
    calls.fsync = fault_fsync;
    calls.fdatasync = fault_fdatasync;
    calls.ftruncate = fault_ftruncate;
    calls.rename_no_replace = fault_rename_no_replace;
    calls.rename = fault_rename;
    calls.link = fault_link;
    calls.unlink = fault_unlink;
    calls.mkdir = fault_mkdir;
    calls.rmdir = fault_rmdir;
    plan = *wanted;
    counted = 0;
    met = false;
    os_calls_set(&calls);
    os_library_hook_set(&hook);
}

uint64_t fault_end(void)
{
    os_calls_set(NULL);
    os_library_hook_set(NULL);
    return counted;
}

bool fault_was_met(void)
{
    return met;
}
