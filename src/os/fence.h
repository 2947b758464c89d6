// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_FENCE_H
#define TTP_OS_FENCE_H

/*
 * The fence around a lake's own folder. In a path, the last component OS_FENCED_FOLDER and all
 * below it are real folders and files: no link there is ever followed, so that whoever can put one
 * there can't lead a write, a rename or a deletion to a place outside. What stands in front of it
 * is the operator's, links included. os/calls.c resolves each path through here, so that no caller
 * can forget it.
 *
 * What is written in place there has one name only: a second one (a hard link) may lie elsewhere
 * (os_refuse_second_name in os/file.h).
 *
 * A path that goes up again ("_lake/..") is not fenced: no path of ours does.
 */

#include <stdbool.h>

#include "util/error.h"

#define OS_FENCED_FOLDER "_lake"

/* A path, resolved up to its last component: for the kernel's *at() calls. */
struct os_fenced_path {
    bool inside;   /* `name` lies within the fence: the call must not follow it, either */
    int folder_fd; /* AT_FDCWD outside */
    const char *name;
    char storage[256];
};

/* 0, or -1 with errno: ELOOP where a folder on the way is a link, ENOTDIR where it is none. */
int os_fence_enter(struct os_fenced_path *fenced, const char *path) MUST_CHECK;
/* Keeps errno. */
void os_fence_leave(struct os_fenced_path *fenced);

/* Whether `path` lies within the fence. */
bool os_fence_holds(const char *path);

/* Whether `path` fails at the fence: something on it is a link, or what it names is neither a file
 * nor a folder. Then `error` is ERR_INVALID with a sentence that names it and the remedy. */
bool os_fence_refuses(const char *path, struct error *error);

/* What may be written, renamed or deleted below `root`, inside the fence or outside of it:
 * ERR_INVALID if a folder on the way from `root` to `relative_path` is a link. Those that are not
 * there yet are none. */
enum error_code os_refuse_linked_folders(const char *root, const char *relative_path,
                                         struct error *error) MUST_CHECK;

#endif
