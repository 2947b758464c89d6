// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_FILE_H
#define TTP_OS_FILE_H

/*
 * Files and directories. Every function retries EINTR and short transfers itself; errors are ERR_IO
 * with `system_errno` and a message that names the path, and ERR_RETRY where the disk is full
 * (ENOSPC, EDQUOT) in functions that may need room. Paths are NUL-terminated. Within a lake's own
 * folder no link is followed: ERR_INVALID, with a sentence that names it (os/fence.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/path.h"
#include "util/buffer.h"
#include "util/error.h"

struct os_file {
    int fd;     /* -1 when closed */
    char *path; /* owned: for messages */
};

enum os_open_mode {
    OS_OPEN_READ,       /* must exist */
    OS_OPEN_CREATE_NEW, /* must not exist; read and write */
    OS_OPEN_READ_WRITE  /* created if need be, not truncated */
};

void os_file_init(struct os_file *file);
/* Opens files only, and never waits: a pipe, a device or a folder is ERR_INVALID. ERR_NOT_FOUND
 * (OS_OPEN_READ) and ERR_CONFLICT (OS_OPEN_CREATE_NEW: it exists) beside ERR_IO; on
 * failure the file is closed. */
enum error_code os_file_open(struct os_file *file, const char *path, enum os_open_mode mode,
                             struct error *error) MUST_CHECK;
/* Writes all at `offset`. ENOSPC and EDQUOT come back as ERR_RETRY with *written_bytes telling how
 * much is there, so that the caller can wait and go on; every other failure is ERR_IO. */
enum error_code os_file_write(struct os_file *file, uint64_t offset, const void *data,
                              size_t size_bytes, size_t *written_bytes,
                              struct error *error) MUST_CHECK;
/* Reads exactly size_bytes; fewer in the file is ERR_CORRUPT ("ends early"). */
enum error_code os_file_read(const struct os_file *file, uint64_t offset, void *data,
                             size_t size_bytes, struct error *error) MUST_CHECK;
/* Never called again on the same file after a failure: its pages may be lost by then. */
enum error_code os_file_sync(struct os_file *file, struct error *error) MUST_CHECK;
enum error_code os_file_truncate(struct os_file *file, uint64_t size_bytes,
                                 struct error *error) MUST_CHECK;
enum error_code os_file_size(const struct os_file *file, uint64_t *size_bytes,
                             struct error *error) MUST_CHECK;
/* Closes and forgets; a failed close is reported once and leaves the file closed. */
enum error_code os_file_close(struct os_file *file, struct error *error);
/* Closes without a word: for clean-up paths. */
void os_file_release(struct os_file *file);

/* A whole file, at most limit_bytes (more is ERR_LIMIT); ERR_NOT_FOUND if it is not there. */
enum error_code os_read_whole(const char *path, size_t limit_bytes, struct buffer *out,
                              struct error *error) MUST_CHECK;
/* Replaces `path` by new content: temporary file "<path>.inprogress", made anew, sync, rename, sync
 * of the directory. Links are replaced, not followed. ERR_RETRY on a full disk, with `path` as it
 * was. */
enum error_code os_write_atomically(const char *path, struct bytes_view content,
                                    struct error *error) MUST_CHECK;

/* ERR_CONFLICT if `to` exists. */
enum error_code os_rename_no_replace(const char *from, const char *to,
                                     struct error *error) MUST_CHECK;
/* Gives the file at `path` the other name, too: a hard link. ERR_CONFLICT if `name` exists. */
enum error_code os_link(const char *path, const char *name, struct error *error) MUST_CHECK;
/* ERR_NOT_FOUND if it is not there. */
enum error_code os_unlink(const char *path, struct error *error) MUST_CHECK;
/* Removes the directory if nothing is in it; without a word otherwise. */
void os_remove_if_empty(const char *path);
/* Deletes without a word: for clean-up paths. */
void os_discard(const char *path);
/* The directory and its missing parents; *created_any (may be NULL) tells if one was made. The
 * parents of what was made are synced by os_sync_directories_up_to. */
enum error_code os_make_directories(const char *path, bool *created_any,
                                    struct error *error) MUST_CHECK;
/* fsync of a directory: makes renames and new entries in it durable. */
enum error_code os_sync_directory(const char *path, struct error *error) MUST_CHECK;
/* fsync of each directory from `path` up to and including `top` (a prefix of path). */
enum error_code os_sync_directories_up_to(const char *path, const char *top,
                                          struct error *error) MUST_CHECK;

/* Something lies there. A link within a lake's own folder (os/fence.h) counts as well, so that what
 * is done next says why it is refused. */
bool os_path_exists(const char *path);
/* ERR_INVALID if what lies there is no file but a pipe, a device, a folder, or a link within a
 * lake's own folder: for what a library opens by its name. Nothing there is good. */
enum error_code os_refuse_no_file(const char *path, struct error *error) MUST_CHECK;
/* ERR_INVALID if the file that lies there has a second name (a hard link), through which whatever
 * is written to it in place would reach another folder. os_file_open asks this of what it opens
 * within a lake's own folder to be written; this is for what a library opens. Nothing there is
 * good. */
enum error_code os_refuse_second_name(const char *path, struct error *error) MUST_CHECK;
/* Whether a file lies there: no folder, pipe or device, nor nothing at all. */
bool os_is_regular_file(const char *path);
/* What an ordinary user may still take on the file system of `path`. */
struct os_free_space {
    uint64_t bytes;
    uint64_t inodes; /* files and directories; UINT64_MAX: this file system does not count them */
};
enum error_code os_free_space(const char *path, struct os_free_space *space,
                              struct error *error) MUST_CHECK;
/* Whether it is not the space that is used up (ENOSPC) but the number of files. */
bool os_lacks_inodes(const char *path);

/* Whether an error is a refusal: the file system can't do such a thing, or the rights are not
 * there. Trying again changes nothing until somebody changes the file system or the rights. */
bool os_is_refusal(int system_errno);

/* Calls `visit` for every regular file below `root` with its path relative to root and its size, in
 * no set order. Within a lake's own folder a link, a pipe or a device is ERR_INVALID. */
struct os_walker {
    void *context;
    enum error_code (*visit)(void *context, const char *relative_path, uint64_t size_bytes,
                             struct error *error);
    /* A directory for which it says false is left out; NULL: none is. */
    bool (*enter)(void *context, const char *relative_path);
    /* All below the directory has been visited, and no other process adds to it. NULL: not told. */
    void (*leave)(void *context, const char *relative_path);
    /* Asked for each link to a folder outside of the root: true to walk it, too, under the link's
     * name. NULL: none is. Links below such a folder are never followed, nor are links to files. */
    bool (*follow)(void *context, const char *relative_path);
};
enum error_code os_walk(const char *root, const struct os_walker *walker,
                        struct error *error) MUST_CHECK;

/* Takes an exclusive kernel lock on `file`, in place of a shared one that it has (ERR_CONFLICT if
 * another process holds it). Closing it gives it back. */
enum error_code os_file_lock(struct os_file *file, struct error *error) MUST_CHECK;
/* The same for a shared one: any number may be held, and no exclusive one beside it. */
enum error_code os_file_lock_shared(struct os_file *file, struct error *error) MUST_CHECK;

/* Takes the right to read from all who may not write: whoever can open a file can hold a shared
 * lock on it, which is in the way of ours. Only its owner can do it; without a word otherwise. */
void os_file_keep_from_readers(const struct os_file *file);

#endif
