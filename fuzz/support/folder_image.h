// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_FOLDER_IMAGE_H
#define TTP_FUZZ_FOLDER_IMAGE_H

/*
 * A folder with all that is in it, kept in memory: to lay it down again and again, and to see
 * whether anything in it was changed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct folder_entry {
    char *path; /* relative to the folder, which is "" itself; parents come first */
    struct stat info;
    uint8_t *content; /* of a file, or where a link leads */
    size_t size_bytes;
};

struct folder_image {
    struct folder_entry *entries;
    size_t count;
};

/* Takes it; aborts where it can't. Nothing is followed or waited for. */
void folder_image_take(struct folder_image *image, const char *folder);

/* Makes its folders and files below `folder`, which is there and empty. */
void folder_image_lay(const struct folder_image *image, const char *folder);

/* Gives everything in `folder` a time long ago, so that whatever is changed has a newer one. */
void folder_image_age(const char *folder);

/* Whether `folder` is what the image was taken of: the same names, kinds, rights, owners, contents,
 * times of the last change. Links and files may have got other names elsewhere (hard links). Says
 * on stderr what is not. */
bool folder_image_is_same(const struct folder_image *image, const char *folder);

#endif
