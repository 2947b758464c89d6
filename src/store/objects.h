// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_OBJECTS_H
#define TTP_STORE_OBJECTS_H

/*
 * A lake on object storage (S3), the second backend of store/store.h: s3://bucket/prefix. Objects
 * appear whole and durable by one request each, so there is nothing to sync; they have no links, no
 * locks and no renames. Files are staged on the local disk: a name below _lake/staging is a file
 * there, and so is the lock against backups; every other one is an object. Putting a staged file is
 * one conditional request; the staged file goes when the object is there.
 *
 * ERR_RETRY with system_errno EHOSTUNREACH: the store does not answer, or asks for patience, for
 * longer than the client tries by itself; the same call may succeed later.
 */

#include "store/store.h"

/* How object stores are reached; texts are borrowed as long as the process lives. */
struct objects_settings {
    const char *endpoint, *region; /* "": found as the SDKs do (s3/client.h) */
    bool path_style;
    const char *staging_path; /* a folder on a local disk */
    /* Asked now and then while a request is tried again: true gives it up. NULL: never. */
    bool (*stop)(void *context);
    void *stop_context;
};

/* Before threads start. */
void objects_configure(const struct objects_settings *settings);
/* Who may end waiting for a store from here on. NULL: nobody. */
void objects_set_stop(bool (*stop)(void *context), void *context);

/* Whether an output_path is one of an object store. */
bool objects_is_url(const char *output_path);
/* Stages files in another folder of staging_path from here on: that of the process of this machine
 * with that number, below OBJECTS_SLOTS. 0, as before any call: the first. */
#define OBJECTS_SLOTS 16
void objects_use_slot(const struct store *store, size_t slot);
enum error_code objects_at(struct store *store, const char *url, struct error *error) MUST_CHECK;

#endif
