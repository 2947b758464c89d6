// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_OWNER_H
#define TTP_OS_OWNER_H

/*
 * Whose the files are. What root makes in somebody else's folder belongs to that one, so that a
 * service that runs as its own user can still write to a lake after root has run a command there.
 * For other users than root these functions do nothing. os/file.c calls them for all that it makes.
 */

#include <stdbool.h>

/* A file that was just opened and perhaps made: gives it the owner of its folder, if it is root's
 * and only of this name. */
void os_owner_give_file(int fd, const char *path);
/* A folder that was just made. */
void os_owner_give_folder(const char *path);

/* False if this process may surely not write to what is there; errno says why (EACCES, EROFS). */
bool os_owner_may_write(const char *path);

/* "this process runs as user 10001, it belongs to user 0": for messages. */
#define OS_OWNER_WORDS_BYTES 96
void os_owner_describe(const char *path, char out[OS_OWNER_WORDS_BYTES]);

#endif
