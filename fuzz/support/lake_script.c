// SPDX-License-Identifier: Apache-2.0
#include "support/lake_script.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "catalog/files.h"
#include "store/layout.h"
#include "os/file.h"
#include "support/catalog_damage.h"
#include "support/catalog_journal.h"
#include "support/folder_image.h"
#include "support/json_damage.h"
#include "support/memory_vfs.h"
#include "support/small_lake.h"
#include "support/temp_folder.h"
#include "util/buffer.h"

#define FILES_MAX      64
#define STEPS_MAX      16
#define FILE_BYTES_MAX ((size_t)1 << 20)
#define SPARSE_BYTES   ((off_t)1 << 40)
#define TEXT_BYTES_MAX 400
#define OUTSIDE        "outside"
#define OUTSIDE_LAKE   OUTSIDE "/lake/"

#define HOUR_12 "year=2024/month=01/day=15/hour=12"
#define HOUR_13 "year=2024/month=01/day=15/hour=13"
#define FILE_1  HOUR_12 "/ttp_events_2024-01-15T12_1705323570.parquet"
#define FILE_2  HOUR_13 "/ttp_events_2024-01-15T13_1705323600.parquet"
#define FILE_3  HOUR_13 "/ttp_events_2024-01-15T13_1705323670.parquet"
#define FILE_4  HOUR_13 "/ttp_events_2024-01-15T13_1705323720.parquet"
#define FILE_5  HOUR_13 "/ttp_events_2024-01-15T13_1705323770.parquet"
#define STAGED  LAKE_STAGING "/commit_4_0" LAKE_IN_PROGRESS_SUFFIX
#define LETTERS LAKE_STAGING "/commit_4_dead_letters" LAKE_IN_PROGRESS_SUFFIX

/* Places in the lake: what is there, and what commands look for or make. Corpora count on their
 * order: more go to the end. */
static const char *const places[] = {
    LAKE_FOLDER,
    LAKE_CATALOG,
    LAKE_CATALOG "-wal",
    LAKE_CATALOG "-shm",
    LAKE_CATALOG "-journal",
    LAKE_FILE,
    LAKE_FILE LAKE_IN_PROGRESS_SUFFIX,
    LAKE_LOCK,
    LAKE_STAGING,
    LAKE_INTENT,
    LAKE_INTENT LAKE_IN_PROGRESS_SUFFIX,
    STAGED,
    LETTERS,
    LAKE_STAGING "/other" LAKE_IN_PROGRESS_SUFFIX,
    LAKE_STAGING "/folder",
    LAKE_PROBE_STAGED,
    LAKE_PROBE_FINAL,
    LAKE_DEAD_LETTERS,
    LAKE_DEAD_LETTERS "/commit_1.jsonl",
    LAKE_DEAD_LETTERS "/commit_4.jsonl",
    LAKE_DAMAGED,
    LAKE_DAMAGED "/catalog.sqlite" LAKE_DAMAGED_SUFFIX,
    "year=2024",
    "year=2024/month=01",
    "year=2024/month=01/day=15",
    HOUR_12,
    HOUR_13,
    "year=2024/month=01/day=15/hour=14",
    FILE_1,
    FILE_2,
    FILE_3,
    FILE_4,
    FILE_5,
    HOUR_12 "/other.parquet",
    "other.parquet",
    "year=2025",
    "year=2024/month=02/day=01/hour=00/ttp_events_2024-02-01T00_1706745600.parquet",
    LAKE_CATALOG ".rebuilding",
    LAKE_CATALOG ".rebuilding-wal",
    LAKE_FOLDER "/" LAKE_FOLDER,
};
#define PLACE_COUNT (sizeof places / sizeof places[0])

/* Where links lead, below the folder that the lake lies in, or from the root. */
static const char *const targets[] = {
    OUTSIDE "/keep.txt",
    OUTSIDE_LAKE LAKE_FOLDER,
    OUTSIDE_LAKE LAKE_CATALOG,
    OUTSIDE_LAKE LAKE_CATALOG "-wal",
    OUTSIDE_LAKE LAKE_CATALOG "-shm",
    OUTSIDE_LAKE LAKE_FILE,
    OUTSIDE_LAKE LAKE_LOCK,
    OUTSIDE_LAKE LAKE_STAGING,
    OUTSIDE_LAKE LAKE_INTENT,
    OUTSIDE_LAKE STAGED,
    OUTSIDE_LAKE LETTERS,
    OUTSIDE_LAKE LAKE_DEAD_LETTERS,
    OUTSIDE_LAKE LAKE_DEAD_LETTERS "/commit_1.jsonl",
    OUTSIDE_LAKE "year=2024",
    OUTSIDE_LAKE HOUR_12,
    OUTSIDE_LAKE HOUR_13,
    OUTSIDE_LAKE FILE_1,
    OUTSIDE_LAKE FILE_2,
    OUTSIDE "/lake",
    OUTSIDE,
    OUTSIDE "/empty",
    OUTSIDE "/pipe",
    OUTSIDE "/socket",
    OUTSIDE "/gone",
    OUTSIDE "/empty/gone.parquet",
    ".",
    "lake",
    "/dev/zero",
    "/dev/null",
    "/proc/self/fd/0",
};
#define TARGET_COUNT (sizeof targets / sizeof targets[0])

static char base[TEMP_PATH_BYTES], lake[TEMP_PATH_BYTES], catalog_path[TEMP_PATH_BYTES];
static struct folder_image templates[4], outside;
static struct buffer catalog; /* the sound one's bytes */

/* ---- making the sound lakes, and what lies outside ---- */

static void remove_base(void)
{
    temp_folder_remove(base);
}

static void make_templates(void)
{
    static const enum small_lake_end ends[] = {SMALL_LAKE_INTENDED, SMALL_LAKE_PLACED,
                                               SMALL_LAKE_COMMITTED};
    small_lake_make(lake);
    catalog_damage_prepare(catalog_path, true);
    enum error_code code = os_read_whole(catalog_path, SIZE_MAX / 2, &catalog, NULL);
    assert(code == OK);
    folder_image_take(&templates[0], lake);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        temp_folder_clear(lake);
        folder_image_lay(&templates[0], lake);
        small_lake_interrupt(lake, 40, 41, ends[i]);
        folder_image_take(&templates[i + 1], lake);
    }
    temp_folder_clear(lake);
}

static void make_outside(void)
{
    static const char text[] = "nobody may change this\n";
    char path[TEMP_PATH_BYTES];
    memcpy(path, temp_path(base, OUTSIDE), sizeof path);
    int result = mkdir(path, 0755);
    assert(result == 0);
    temp_write(temp_path(path, "keep.txt"), text, sizeof text - 1);
    result = mkdir(temp_path(path, "empty"), 0755) + mkfifo(temp_path(path, "pipe"), 0644) +
             mknod(temp_path(path, "socket"), S_IFSOCK | 0644, 0) +
             mkdir(temp_path(path, "lake"), 0755);
    assert(result == 0);
    folder_image_lay(&templates[1], temp_path(path, "lake"));
}

void lake_script_prepare(void)
{
    temp_folder_make(base);
    atexit(remove_base);
    memory_vfs_register();
    memcpy(lake, temp_path(base, "lake"), sizeof lake);
    memcpy(catalog_path, temp_path(lake, LAKE_CATALOG), sizeof catalog_path);
    int result = mkdir(lake, 0755);
    assert(result == 0);
    make_templates();
    make_outside();
    folder_image_age(temp_path(base, OUTSIDE));
    folder_image_take(&outside, temp_path(base, OUTSIDE));
}

const char *lake_script_folder(void)
{
    return lake;
}

/* Beside the lake nothing else may come up. */
static bool base_has_only_these(void)
{
    unsigned count = 0;
    DIR *directory = opendir(base);
    assert(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count == 4; /* "." and "..", too */
}

bool lake_script_outside_is_same(void)
{
    bool same = base_has_only_these();
    if (!same)
        fprintf(stderr, "OUTSIDE: something came up beside the lake\n");
    return folder_image_is_same(&outside, temp_path(base, OUTSIDE)) && same;
}

/* ---- what may not be lost ---- */

static ino_t kept[FILES_MAX];
static size_t kept_count;
static bool found[FILES_MAX];

/* The file of the commit that a process died in may be taken back. */
static bool is_unfinished(const char *path, const struct stat *info)
{
    static struct buffer bytes;
    buffer_reset(&bytes);
    for (size_t i = 1; i < 4; i++)
        for (size_t k = 0; k < templates[i].count; k++) {
            const struct folder_entry *entry = &templates[i].entries[k];
            bool is_its = strcmp(entry->path, STAGED) == 0 || strcmp(entry->path, FILE_4) == 0;
            if (!is_its || entry->size_bytes != (size_t)info->st_size)
                continue;
            if (bytes.size_bytes == 0 && os_read_whole(path, FILE_BYTES_MAX, &bytes, NULL) != OK)
                return false;
            if (memcmp(bytes.data, entry->content, entry->size_bytes) == 0)
                return true;
        }
    return false;
}

static int keep(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)at;
    bool is_ours = strncmp(path + strlen(lake), "/" LAKE_FOLDER, strlen("/" LAKE_FOLDER)) == 0;
    if (kind == FTW_F && S_ISREG(info->st_mode) && info->st_size > 0 && !is_ours &&
        !is_unfinished(path, info) && kept_count < FILES_MAX)
        kept[kept_count++] = info->st_ino;
    return 0;
}

static int find(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)path;
    (void)kind;
    (void)at;
    for (size_t i = 0; i < kept_count; i++)
        found[i] = found[i] || kept[i] == info->st_ino;
    return 0;
}

bool lake_script_files_are_kept(void)
{
    bool all = true;
    memset(found, 0, sizeof found);
    (void)nftw(lake, find, 16, FTW_PHYS);
    for (size_t i = 0; i < kept_count; i++)
        all = all && found[i];
    return all;
}

/* ---- places, without following a link ---- */

static const char *take_place(struct fuzz_input *input)
{
    return places[fuzz_input_u8(input) % PLACE_COUNT];
}

/* The full path of a place, with its folders made; false where one of them is no real folder. */
static bool reach(char path[TEMP_PATH_BYTES], const char *place)
{
    struct stat info;
    memcpy(path, temp_path(lake, place), TEMP_PATH_BYTES);
    for (char *at = path + strlen(lake) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)!mkdir(path, 0755);
        bool is_folder = lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
        *at = '/';
        if (!is_folder)
            return false;
    }
    return true;
}

/* The bytes of a file of the lake alone. */
static bool load(const char *path, struct buffer *bytes)
{
    struct stat info;
    buffer_reset(bytes);
    return lstat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 &&
           os_read_whole(path, FILE_BYTES_MAX, bytes, NULL) == OK;
}

static void store(const char *path, struct bytes_view bytes)
{
    temp_folder_remove(path);
    temp_write(path, bytes.data, bytes.size_bytes);
}

/* ---- the steps ---- */

static void target_path(char path[TEMP_PATH_BYTES], uint8_t chosen)
{
    const char *target = targets[chosen % TARGET_COUNT];
    if (target[0] == '/')
        snprintf(path, TEMP_PATH_BYTES, "%s", target);
    else
        memcpy(path, temp_path(base, target), TEMP_PATH_BYTES);
}

static void make_sparse(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0)
        (void)!ftruncate(fd, SPARSE_BYTES);
    close(fd);
}

/* Only root makes a device; a link to one is what others can leave. */
static void make_device(const char *path)
{
    if (mknod(path, S_IFCHR | 0666, makedev(1, 5)) != 0)
        (void)!symlink("/dev/zero", path);
}

/* Something else in the place of what is there. */
static void plant(struct fuzz_input *input)
{
    char path[TEMP_PATH_BYTES], target[TEMP_PATH_BYTES], other[TEMP_PATH_BYTES];
    const char *place = take_place(input);
    uint8_t kind = fuzz_input_u8(input), chosen = fuzz_input_u8(input);
    if (!reach(path, place))
        return;
    target_path(target, chosen);
    memcpy(other, temp_path(lake, places[chosen % PLACE_COUNT]), sizeof other);
    if (kind % 16 != 11 || strcmp(other, path) != 0)
        temp_folder_remove(path);
    switch (kind % 16) {
    case 0: break; /* it is gone */
    case 1: (void)!mkdir(path, 0755); break;
    case 2: temp_write(path, "", 0); break;
    case 3: (void)!mkfifo(path, 0644); break;
    case 4: (void)!mknod(path, S_IFSOCK | 0644, 0); break;
    case 5: make_device(path); break;
    case 6: make_sparse(path); break;
    case 7:
    case 8: (void)!link(target, path); break;
    case 9: (void)!symlink(other, path); break;
    case 10: (void)!symlink(chosen % 2 == 0 ? "." : "..", path); break;
    case 11:
        if (reach(other, places[chosen % PLACE_COUNT]))
            (void)!link(other, path);
        break;
    default: (void)!symlink(target, path);
    }
}

static void move(struct fuzz_input *input)
{
    char from[TEMP_PATH_BYTES], to[TEMP_PATH_BYTES];
    const char *first = take_place(input), *second = take_place(input);
    if (strcmp(first, second) == 0 || !reach(from, first) || !reach(to, second))
        return;
    if (strncmp(from, to, strlen(to)) != 0)
        temp_folder_remove(to);
    (void)!rename(from, to);
}

static void copy(struct fuzz_input *input, struct buffer *bytes)
{
    char from[TEMP_PATH_BYTES], to[TEMP_PATH_BYTES];
    const char *first = take_place(input), *second = take_place(input);
    if (reach(from, first) && reach(to, second) && load(from, bytes))
        store(to, buffer_view(bytes));
}

/* From the front, or, since a footer is what a reader begins with, from the end. */
static void overwrite(struct fuzz_input *input, struct buffer *bytes)
{
    size_t at = fuzz_input_u16(input);
    struct bytes_view piece = fuzz_input_bytes(input, fuzz_input_u8(input) % 16 + 1u);
    if (bytes->size_bytes == 0)
        return;
    at = at % 2 == 0 ? at / 2 % bytes->size_bytes
                     : bytes->size_bytes - 1 - at / 2 % bytes->size_bytes;
    if (piece.size_bytes > bytes->size_bytes - at)
        piece.size_bytes = bytes->size_bytes - at;
    if (piece.size_bytes != 0)
        memcpy(bytes->data + at, piece.data, piece.size_bytes);
}

/* The n-th number that is written out, counted from the end, by one of as many digits. */
static void change_number(struct fuzz_input *input, struct buffer *bytes)
{
    uint8_t wanted = fuzz_input_u8(input);
    struct bytes_view digits = fuzz_input_bytes(input, fuzz_input_u8(input) % 8 + 1u);
    size_t at = bytes->size_bytes;
    for (unsigned seen = 0; at > 0; at--) {
        bool is_digit = bytes->data[at - 1] >= '0' && bytes->data[at - 1] <= '9';
        bool is_end = at == bytes->size_bytes || bytes->data[at] < '0' || bytes->data[at] > '9';
        if (is_digit && is_end && seen++ == wanted)
            break;
    }
    for (size_t i = 0; i < digits.size_bytes && i < at; i++) {
        uint8_t *digit = &bytes->data[at - 1 - i];
        if (*digit < '0' || *digit > '9')
            return;
        *digit = (uint8_t)('0' + digits.data[i] % 10);
    }
}

static void change_file(struct fuzz_input *input, uint8_t kind, struct buffer *bytes)
{
    char path[TEMP_PATH_BYTES];
    struct bytes_view text;
    const char *place = take_place(input);
    if (!reach(path, place) || !load(path, bytes))
        return;
    switch (kind) {
    case 0: overwrite(input, bytes); break;
    case 1: change_number(input, bytes); break;
    case 2: bytes->size_bytes = fuzz_input_u16(input) % (bytes->size_bytes + 1); break;
    case 3:
        text = fuzz_input_bytes(input, fuzz_input_u8(input));
        (void)!buffer_append(bytes, text.data, text.size_bytes);
        break;
    default: json_damage(input, bytes);
    }
    store(path, buffer_view(bytes));
}

static void write_text(struct fuzz_input *input)
{
    char path[TEMP_PATH_BYTES];
    const char *place = take_place(input);
    struct bytes_view text = fuzz_input_bytes(input, fuzz_input_u16(input) % TEXT_BYTES_MAX);
    if (reach(path, place))
        store(path, text);
}

/* ---- the catalog ---- */

static void damage_catalog(struct fuzz_input *input, struct buffer *bytes)
{
    buffer_reset(bytes);
    enum error_code code = buffer_append(bytes, catalog.data, catalog.size_bytes);
    assert(code == OK);
    memory_vfs_switch(true);
    catalog_damage(input, catalog_path, bytes);
    memory_vfs_switch(false);
}

/* What the damage changed lies in the file itself, in a write-ahead log, or would be brought back
 * by a rollback journal. */
static void change_catalog(struct fuzz_input *input, uint8_t kind, struct buffer *bytes)
{
    static struct buffer side;
    char path[TEMP_PATH_BYTES], super[TEMP_PATH_BYTES] = "";
    uint8_t flags = fuzz_input_u8(input);
    if (kind == 2 && flags % 4 != 0)
        target_path(super, fuzz_input_u8(input));
    damage_catalog(input, bytes);
    buffer_reset(&side);
    if (kind == 1)
        catalog_journal_make_wal(buffer_view(&catalog), buffer_view(bytes), flags, &side);
    else if (kind == 2)
        catalog_journal_make_rollback(buffer_view(&catalog), buffer_view(bytes), super, &side);
    const char *place = kind == 0   ? LAKE_CATALOG
                        : kind == 1 ? LAKE_CATALOG "-wal"
                                    : LAKE_CATALOG "-journal";
    if (reach(path, place))
        store(path, buffer_view(kind == 0 ? bytes : &side));
}

static void step(struct fuzz_input *input)
{
    static struct buffer bytes;
    uint8_t chosen = fuzz_input_u8(input) % 16;
    switch (chosen) {
    case 0: move(input); break;
    case 1: copy(input, &bytes); break;
    case 2: write_text(input); break;
    case 3:
    case 4:
    case 5:
    case 6: change_file(input, chosen - 3, &bytes); break;
    case 7:
    case 8: change_file(input, 4, &bytes); break;
    case 9:
    case 10:
    case 11: change_catalog(input, chosen - 9, &bytes); break;
    default: plant(input);
    }
}

void lake_script_run(struct fuzz_input *input)
{
    temp_folder_clear(lake);
    folder_image_lay(&templates[fuzz_input_u8(input) % 4], lake);
    for (int i = 0; i < STEPS_MAX && input->size_bytes > 0; i++)
        step(input);
    kept_count = 0;
    (void)nftw(lake, keep, 16, FTW_PHYS);
}
