// SPDX-License-Identifier: Apache-2.0
#include "care/rebuild_bundle.h"

#include <stdlib.h>
#include <string.h>

#include "util/list.h"
#include "util/memory.h"
#include "util/union_find.h"

/* That a file holds the rows of a commit in a partition. */
struct claim {
    uint64_t commit_no;
    const char *partition;
    uint64_t replacement_no;
    size_t file; /* its index among the shared ones */
};

struct bundling {
    struct arena *arena;
    struct found_file *shared;
    size_t shared_count;
    struct buffer claims; /* struct claim, by commit, partition, and replacement, latest first */
    bool *is_replaced;    /* of each shared file */
    size_t *parent;       /* of each shared file: the trees of a union-find */
};

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the commits that share files");
}

static int compare_texts_of(uint64_t a_no, const char *a, uint64_t b_no, const char *b)
{
    if (a_no != b_no)
        return a_no < b_no ? -1 : 1;
    return strcmp(a, b);
}

static int compare_claims(const void *a, const void *b)
{
    const struct claim *left = a, *right = b;
    int order =
        compare_texts_of(left->commit_no, left->partition, right->commit_no, right->partition);
    if (order != 0 || left->replacement_no == right->replacement_no)
        return order;
    return left->replacement_no > right->replacement_no ? -1 : 1;
}

static int compare_shared(const void *a, const void *b)
{
    const struct found_file *left = a, *right = b;
    return compare_texts_of(left->commit_no, left->path, right->commit_no, right->path);
}

static const struct claim *claim_at(const struct bundling *bundling, size_t index)
{
    return LIST_AT(&bundling->claims, struct claim, index);
}

/* Takes the shared files out of `files`. */
static enum error_code split(struct bundling *bundling, struct buffer *files, struct error *error)
{
    struct found_file *all = (void *)files->data;
    size_t count = LIST_COUNT(files, struct found_file), kept = 0;
    bundling->shared = arena_alloc(bundling->arena, (count + 1) * sizeof *all);
    if (bundling->shared == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        if (all[i].share_count > 0)
            bundling->shared[bundling->shared_count++] = all[i];
        else
            all[kept++] = all[i];
    }
    files->size_bytes = kept * sizeof *all;
    if (bundling->shared_count > 0)
        qsort(bundling->shared, bundling->shared_count, sizeof *all, compare_shared);
    bundling->is_replaced = mem_alloc_zero(bundling->shared_count + 1, sizeof(bool));
    bundling->parent = mem_alloc((bundling->shared_count + 1) * sizeof(size_t));
    if (bundling->is_replaced == NULL || bundling->parent == NULL)
        return no_memory(error);
    for (size_t i = 0; i < bundling->shared_count; i++)
        bundling->parent[i] = i;
    return OK;
}

/* A replacement makes no two files of the same rows: what says the same is a copy. */
static void drop_copies(struct bundling *bundling)
{
    const struct found_file *all = bundling->shared;
    for (size_t i = 0; i < bundling->shared_count; i++)
        for (size_t k = i + 1; k < bundling->shared_count && all[k].commit_no == all[i].commit_no;
             k++)
            if (!bundling->is_replaced[i] && strcmp(all[k].partition, all[i].partition) == 0 &&
                all[k].range.first == all[i].range.first && all[k].range.last == all[i].range.last)
                bundling->is_replaced[k] = true;
}

static enum error_code make_claims(struct bundling *bundling, struct error *error)
{
    for (size_t i = 0; i < bundling->shared_count; i++) {
        const struct found_file *file = &bundling->shared[i];
        for (size_t k = 0; !bundling->is_replaced[i] && k < file->share_count; k++) {
            struct claim claim = {file->shares[k].commit_no, file->partition, file->commit_no, i};
            if (buffer_append(&bundling->claims, &claim, sizeof claim) != OK)
                return no_memory(error);
        }
    }
    if (bundling->claims.size_bytes > 0)
        qsort(bundling->claims.data, LIST_COUNT(&bundling->claims, struct claim),
              sizeof(struct claim), compare_claims);
    return OK;
}

static bool is_same_place(const struct claim *a, const struct claim *b)
{
    return compare_texts_of(a->commit_no, a->partition, b->commit_no, b->partition) == 0;
}

/* Of the claims to the same ledgers of a commit in a partition the latest replacement's holds (two
 * files may have its rows, where one was cut); files of a commit's claims that hold belong
 * together. */
static void settle_claims(struct bundling *bundling)
{
    size_t count = LIST_COUNT(&bundling->claims, struct claim);
    for (size_t i = 1, first = 0; i < count; i++) {
        const struct claim *one = claim_at(bundling, i);
        first = is_same_place(claim_at(bundling, first), one) ? first : i;
        for (size_t k = first; k < i && !bundling->is_replaced[one->file]; k++)
            bundling->is_replaced[one->file] =
                claim_at(bundling, k)->replacement_no > one->replacement_no &&
                ledger_ranges_overlap(bundling->shared[claim_at(bundling, k)->file].range,
                                      bundling->shared[one->file].range);
    }
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct claim *one = claim_at(bundling, i);
        if (bundling->is_replaced[one->file])
            continue;
        if (before != SIZE_MAX && claim_at(bundling, before)->commit_no == one->commit_no)
            union_find_join(bundling->parent, claim_at(bundling, before)->file, one->file);
        before = i;
    }
}

/* The first claim to the commit that holds; NULL: there is none. `partition` NULL: in any. */
static const struct claim *find_claim(const struct bundling *bundling, uint64_t commit_no,
                                      const char *partition)
{
    size_t low = 0, count = LIST_COUNT(&bundling->claims, struct claim), high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (claim_at(bundling, middle)->commit_no < commit_no)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && claim_at(bundling, low)->commit_no == commit_no; low++) {
        const struct claim *one = claim_at(bundling, low);
        if (!bundling->is_replaced[one->file] &&
            (partition == NULL || strcmp(one->partition, partition) == 0))
            return one;
    }
    return NULL;
}

/* ---- bundles ---- */

static enum error_code copy_files(struct arena *arena, const struct buffer *from,
                                  struct found_file **to, size_t *count, struct error *error)
{
    *count = LIST_COUNT(from, struct found_file);
    *to = arena_alloc(arena, from->size_bytes + 1);
    if (*to == NULL)
        return no_memory(error);
    if (from->size_bytes > 0)
        memcpy(*to, from->data, from->size_bytes);
    return OK;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct provenance_commit *left = a, *right = b;
    return left->commit_no < right->commit_no ? -1 : left->commit_no > right->commit_no;
}

/* The commits of the bundle's files, each once. */
static enum error_code list_commits(struct bundling *bundling, struct rebuild_bundle *bundle,
                                    struct error *error)
{
    size_t most = 0, count = 0;
    for (size_t i = 0; i < bundle->shared_count; i++)
        most += bundle->shared[i].share_count;
    bundle->commits = arena_alloc(bundling->arena, (most + 1) * sizeof *bundle->commits);
    if (bundle->commits == NULL)
        return no_memory(error);
    for (size_t i = 0; i < bundle->shared_count; i++)
        for (size_t k = 0; k < bundle->shared[i].share_count; k++)
            bundle->commits[count++] = bundle->shared[i].shares[k];
    qsort(bundle->commits, count, sizeof *bundle->commits, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        struct provenance_commit *one = &bundle->commits[i];
        struct provenance_commit *last =
            bundle->commit_count == 0 ? NULL : &bundle->commits[bundle->commit_count - 1];
        if (last == NULL || last->commit_no != one->commit_no) {
            bundle->commits[bundle->commit_count++] = *one;
            continue;
        }
        bundle->contradicts =
            bundle->contradicts || last->range.first != one->range.first ||
            last->range.last != one->range.last || last->row_count != one->row_count ||
            last->file_count != one->file_count || last->letters_no != one->letters_no;
        last->file_rows += one->file_rows;
    }
    return OK;
}

/* The bundle whose first shared file has that index. */
static enum error_code make_bundle(struct bundling *bundling, size_t root,
                                   const struct buffer *files, struct buffer *bundles,
                                   struct error *error)
{
    struct rebuild_bundle bundle = {.shared_count = 0};
    struct buffer shared, own;
    enum error_code code = OK;
    buffer_init(&shared);
    buffer_init(&own);
    for (size_t i = root; code == OK && i < bundling->shared_count; i++)
        if (!bundling->is_replaced[i] && union_find_root(bundling->parent, i) == root)
            code = buffer_append(&shared, &bundling->shared[i], sizeof bundling->shared[i]);
    for (size_t i = 0; code == OK && i < LIST_COUNT(files, struct found_file); i++) {
        const struct found_file *file = LIST_AT(files, struct found_file, i);
        const struct claim *claim = find_claim(bundling, file->commit_no, NULL);
        if (claim != NULL && union_find_root(bundling->parent, claim->file) == root)
            code = buffer_append(&own, file, sizeof *file);
    }
    if (code != OK)
        code = no_memory(error);
    if (code == OK)
        code = copy_files(bundling->arena, &shared, &bundle.shared, &bundle.shared_count, error);
    if (code == OK)
        code = copy_files(bundling->arena, &own, &bundle.own, &bundle.own_count, error);
    if (code == OK)
        code = list_commits(bundling, &bundle, error);
    if (code == OK && buffer_append(bundles, &bundle, sizeof bundle) != OK)
        code = no_memory(error);
    buffer_release(&shared);
    buffer_release(&own);
    return code;
}

static int compare_bundles(const void *a, const void *b)
{
    const struct rebuild_bundle *left = a, *right = b;
    uint64_t highest_left = left->commits[left->commit_count - 1].commit_no;
    uint64_t highest_right = right->commits[right->commit_count - 1].commit_no;
    return highest_left > highest_right ? -1 : highest_left < highest_right;
}

/* Takes files out of `files` whose rows lie in shared ones, and those of commits in bundles. */
static enum error_code take_out_of(struct bundling *bundling, struct buffer *files,
                                   struct buffer *tied, struct buffer *replaced,
                                   struct error *error)
{
    struct found_file *all = (void *)files->data;
    size_t count = LIST_COUNT(files, struct found_file), kept = 0;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < count; i++) {
        if (find_claim(bundling, all[i].commit_no, all[i].partition) != NULL)
            code = buffer_append(replaced, &all[i], sizeof *all);
        else if (find_claim(bundling, all[i].commit_no, NULL) != NULL)
            code = buffer_append(tied, &all[i], sizeof *all);
        else
            all[kept++] = all[i];
    }
    for (size_t i = 0; code == OK && i < bundling->shared_count; i++)
        if (bundling->is_replaced[i])
            code = buffer_append(replaced, &bundling->shared[i], sizeof *bundling->shared);
    files->size_bytes = kept * sizeof *all;
    return code == OK ? OK : no_memory(error);
}

enum error_code rebuild_bundles_make(struct buffer *files, struct arena *arena,
                                     struct buffer *bundles, struct buffer *replaced,
                                     struct error *error)
{
    struct bundling bundling = {.arena = arena};
    struct buffer tied;
    buffer_init(&tied);
    enum error_code code = split(&bundling, files, error);
    if (code == OK) {
        drop_copies(&bundling);
        code = make_claims(&bundling, error);
    }
    if (code == OK) {
        settle_claims(&bundling);
        code = take_out_of(&bundling, files, &tied, replaced, error);
    }
    for (size_t i = 0; code == OK && i < bundling.shared_count; i++)
        if (!bundling.is_replaced[i] && union_find_root(bundling.parent, i) == i)
            code = make_bundle(&bundling, i, &tied, bundles, error);
    if (bundles->size_bytes > 0)
        qsort(bundles->data, LIST_COUNT(bundles, struct rebuild_bundle),
              sizeof(struct rebuild_bundle), compare_bundles);
    buffer_release(&tied);
    buffer_release(&bundling.claims);
    mem_free(bundling.is_replaced);
    mem_free(bundling.parent);
    return code;
}
