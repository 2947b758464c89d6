// SPDX-License-Identifier: Apache-2.0
#include "service/batch_queue.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"

#define FIRST_CAPACITY 64

/*
 * What a batch costs. The dictionaries of an epoch are shared by its batches. The builder counts
 * those of the epoch that goes on; of one that is over they are kept alive by batches alone and
 * count here: once, with the newest batch of it. A batch counts until the writer comes for the next
 * one.
 */
struct batch_account {
    size_t memory_bytes;      /* with the dictionaries that count here */
    struct batch_epoch epoch; /* is_over: its dictionaries count here */
};

struct queued {
    struct queue_item item;
    struct batch_account account; /* of item.batch */
};

struct batch_queue {
    struct os_mutex mutex;
    struct os_condition not_empty;
    struct queued *items; /* a ring */
    size_t capacity;
    size_t head;
    size_t count;
    struct batch_account in_hand; /* of the batch that was popped last */
    size_t memory_bytes;
    size_t limit_bytes;
    uint64_t row_count;
    bool full; /* until half of the limit is free */
    bool closed;
    bool aborted;
    void (*on_room)(void *context);
    void *on_room_context;
    struct queue_bell *bell; /* NULL: none */
    /* Without the mutex. In a word of its own: compilers read flags that lie together as one. */
    atomic_bool wants_epoch;
};

/* ---- the bell ---- */

enum error_code queue_bell_init(struct queue_bell *bell, struct error *error)
{
    bell->has_rung = false;
    enum error_code code = os_mutex_init(&bell->mutex, error);
    if (code != OK)
        return code;
    code = os_condition_init(&bell->rung, error);
    if (code != OK)
        os_mutex_release(&bell->mutex);
    return code;
}

void queue_bell_release(struct queue_bell *bell)
{
    os_condition_release(&bell->rung);
    os_mutex_release(&bell->mutex);
}

static void ring(struct queue_bell *bell)
{
    if (bell == NULL)
        return;
    os_mutex_lock(&bell->mutex);
    bell->has_rung = true;
    os_condition_signal(&bell->rung);
    os_mutex_unlock(&bell->mutex);
}

void queue_bell_wait(struct queue_bell *bell, int64_t deadline_us)
{
    bool in_time = true;
    os_mutex_lock(&bell->mutex);
    while (!bell->has_rung && in_time)
        in_time = os_condition_wait_until(&bell->rung, &bell->mutex, deadline_us);
    bell->has_rung = false;
    os_mutex_unlock(&bell->mutex);
}

/* ---- the queue ---- */

enum error_code batch_queue_new(struct batch_queue **out, size_t limit_bytes, struct error *error)
{
    *out = NULL;
    struct batch_queue *queue = mem_alloc_zero(1, sizeof *queue);
    if (queue == NULL)
        return error_no_memory(error, "the queue");
    queue->limit_bytes = limit_bytes;
    queue->items = mem_alloc(FIRST_CAPACITY * sizeof queue->items[0]);
    queue->capacity = FIRST_CAPACITY;
    enum error_code code = queue->items == NULL ? error_no_memory(error, "the queue")
                                                : os_mutex_init(&queue->mutex, error);
    if (code != OK)
        goto free_queue;
    code = os_condition_init(&queue->not_empty, error);
    if (code != OK)
        goto release_mutex;
    *out = queue;
    return OK;

release_mutex:
    os_mutex_release(&queue->mutex);
free_queue:
    mem_free(queue->items);
    mem_free(queue);
    return code;
}

static void free_item(struct queue_item *item)
{
    row_batch_free(item->batch);
    mem_free(item->remark);
    mem_free(item->piece);
}

/* The account of the newest batch with an epoch, in the queue or in the writer's hands. */
static struct batch_account *newest_account(struct batch_queue *queue)
{
    for (size_t i = queue->count; i > 0; i--) {
        struct queued *queued = &queue->items[(queue->head + i - 1) % queue->capacity];
        if (queued->account.epoch.id != 0)
            return &queued->account;
    }
    return queue->in_hand.epoch.id != 0 ? &queue->in_hand : NULL;
}

static void charge(struct batch_queue *queue, struct batch_account *account)
{
    if (account->epoch.is_over)
        return;
    account->epoch.is_over = true;
    account->memory_bytes += account->epoch.memory_bytes;
    queue->memory_bytes += account->epoch.memory_bytes;
}

static void discharge(struct batch_queue *queue, struct batch_account *account)
{
    if (!account->epoch.is_over)
        return;
    account->epoch.is_over = false;
    account->memory_bytes -= account->epoch.memory_bytes;
    queue->memory_bytes -= account->epoch.memory_bytes;
}

/* A batch comes into the queue: its own account, and what that means for the one before it. */
static struct batch_account account_of(struct batch_queue *queue, const struct row_batch *batch)
{
    struct batch_account account = {.memory_bytes = batch->memory_bytes};
    queue->memory_bytes += batch->memory_bytes;
    if (batch->epoch.id == 0)
        return account;
    account.epoch = batch->epoch;
    account.epoch.is_over = false; /* not counted yet */
    struct batch_account *before = newest_account(queue);
    if (before != NULL && before->epoch.id == account.epoch.id)
        discharge(queue, before);
    else if (before != NULL)
        charge(queue, before);
    if (batch->epoch.is_over)
        charge(queue, &account);
    return account;
}

static void drop_all(struct batch_queue *queue)
{
    for (; queue->count > 0; queue->count--) {
        free_item(&queue->items[queue->head].item);
        queue->head = (queue->head + 1) % queue->capacity;
    }
    queue->in_hand = (struct batch_account){0};
    queue->memory_bytes = 0;
    queue->row_count = 0;
}

void batch_queue_free(struct batch_queue *queue)
{
    if (queue == NULL)
        return;
    drop_all(queue);
    os_condition_release(&queue->not_empty);
    os_mutex_release(&queue->mutex);
    mem_free(queue->items);
    mem_free(queue);
}

void batch_queue_on_room(struct batch_queue *queue, void (*handler)(void *context), void *context)
{
    queue->on_room = handler;
    queue->on_room_context = context;
}

void batch_queue_set_bell(struct batch_queue *queue, struct queue_bell *bell)
{
    queue->bell = bell;
}

bool batch_queue_has_room(struct batch_queue *queue)
{
    os_mutex_lock(&queue->mutex);
    bool has_room = !queue->full;
    os_mutex_unlock(&queue->mutex);
    return has_room;
}

/* Doubles the ring; the lock is held. */
static enum error_code grow(struct batch_queue *queue, struct error *error)
{
    struct queued *items = mem_alloc(queue->capacity * 2 * sizeof items[0]);
    if (items == NULL)
        return error_no_memory(error, "the queue");
    for (size_t i = 0; i < queue->count; i++)
        items[i] = queue->items[(queue->head + i) % queue->capacity];
    mem_free(queue->items);
    queue->items = items;
    queue->head = 0;
    queue->capacity *= 2;
    return OK;
}

static enum error_code push(struct batch_queue *queue, struct queue_item item, struct error *error)
{
    enum error_code code = OK;
    os_mutex_lock(&queue->mutex);
    assert(!queue->closed);
    if (queue->aborted) {
        os_mutex_unlock(&queue->mutex);
        free_item(&item);
        return OK;
    }
    if (queue->count == queue->capacity)
        code = grow(queue, error);
    if (code == OK) {
        struct queued queued = {.item = item};
        if (item.batch != NULL) {
            queued.account = account_of(queue, item.batch);
            queue->row_count += (uint64_t)item.batch->row_count;
            queue->full = queue->full || queue->memory_bytes >= queue->limit_bytes;
        }
        queue->items[(queue->head + queue->count++) % queue->capacity] = queued;
        os_condition_signal(&queue->not_empty);
    }
    os_mutex_unlock(&queue->mutex);
    if (code != OK)
        free_item(&item);
    else
        ring(queue->bell);
    return code;
}

enum error_code batch_queue_push(struct batch_queue *queue, struct row_batch **batch,
                                 struct error *error)
{
    struct queue_item item = {.kind = QUEUE_BATCH, .batch = *batch};
    *batch = NULL;
    return push(queue, item, error);
}

enum error_code batch_queue_push_remark(struct batch_queue *queue, enum queue_remark_kind kind,
                                        uint32_t ledger, const char *words, struct error *error)
{
    struct queue_remark remark = {.kind = kind, .ledger = ledger};
    snprintf(remark.words, sizeof remark.words, "%s", words == NULL ? "" : words);
    /* The end may have been cut off within a character. */
    remark.words[utf8_valid_prefix(bytes_view_text(remark.words))] = '\0';
    return batch_queue_push_remark_of(queue, &remark, error);
}

enum error_code batch_queue_push_remark_of(struct batch_queue *queue,
                                           const struct queue_remark *remark, struct error *error)
{
    struct queue_item item = {.kind = QUEUE_REMARK,
                              .remark = mem_alloc_zero(1, sizeof *item.remark)};
    if (item.remark == NULL)
        return error_no_memory(error, "a remark on a ledger");
    *item.remark = *remark;
    return push(queue, item, error);
}

enum error_code batch_queue_push_end_of_piece(struct batch_queue *queue, uint64_t lease_id,
                                              const struct error *failure, struct error *error)
{
    struct queue_item item = {.kind = QUEUE_END_OF_PIECE,
                              .piece = mem_alloc_zero(1, sizeof *item.piece)};
    if (item.piece == NULL)
        return error_no_memory(error, "the end of a piece");
    item.piece->lease_id = lease_id;
    item.piece->has_failed = failure != NULL;
    if (failure != NULL)
        memcpy(item.piece->words, failure->message, sizeof item.piece->words);
    return push(queue, item, error);
}

void batch_queue_ask_for_epoch(struct batch_queue *queue)
{
    atomic_store_explicit(&queue->wants_epoch, true, memory_order_relaxed);
}

bool batch_queue_take_wish_for_epoch(struct batch_queue *queue)
{
    return atomic_load_explicit(&queue->wants_epoch, memory_order_relaxed) &&
           atomic_exchange_explicit(&queue->wants_epoch, false, memory_order_relaxed);
}

void batch_queue_close(struct batch_queue *queue)
{
    os_mutex_lock(&queue->mutex);
    queue->closed = true;
    os_condition_signal(&queue->not_empty);
    os_mutex_unlock(&queue->mutex);
    ring(queue->bell);
}

void batch_queue_abort(struct batch_queue *queue)
{
    os_mutex_lock(&queue->mutex);
    drop_all(queue);
    queue->aborted = true;
    queue->full = false;
    os_condition_signal(&queue->not_empty);
    os_mutex_unlock(&queue->mutex);
    ring(queue->bell);
    if (queue->on_room != NULL)
        queue->on_room(queue->on_room_context);
}

void batch_queue_reopen(struct batch_queue *queue)
{
    os_mutex_lock(&queue->mutex);
    drop_all(queue);
    queue->full = queue->closed = queue->aborted = false;
    os_mutex_unlock(&queue->mutex);
}

/* The batch that was popped last is done with. */
static void forget_in_hand(struct batch_queue *queue)
{
    queue->memory_bytes -= queue->in_hand.memory_bytes;
    queue->in_hand = (struct batch_account){0};
}

/* Takes the first item; the lock is held. */
static struct queue_item take_first(struct batch_queue *queue)
{
    struct queued queued = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
    queue->in_hand = queued.account;
    if (queued.item.batch != NULL)
        queue->row_count -= (uint64_t)queued.item.batch->row_count;
    return queued.item;
}

/* True where the queue stops being full; the lock is held. */
static bool room_comes_back(struct batch_queue *queue)
{
    if (!queue->full || queue->memory_bytes > queue->limit_bytes / 2)
        return false;
    queue->full = false;
    return true;
}

struct queue_item batch_queue_pop(struct batch_queue *queue, int64_t deadline_us)
{
    struct queue_item item = {.kind = QUEUE_NOTHING};
    bool in_time = true;
    os_mutex_lock(&queue->mutex);
    forget_in_hand(queue);
    if (room_comes_back(queue) && queue->on_room != NULL) {
        os_mutex_unlock(&queue->mutex);
        queue->on_room(queue->on_room_context);
        os_mutex_lock(&queue->mutex);
    }
    while (queue->count == 0 && !queue->closed && !queue->aborted && in_time)
        in_time = os_condition_wait_until(&queue->not_empty, &queue->mutex, deadline_us);
    if (queue->count > 0)
        item = take_first(queue);
    else if (queue->closed || queue->aborted)
        item.kind = queue->aborted ? QUEUE_ABORTED : QUEUE_CLOSED;
    os_mutex_unlock(&queue->mutex);
    return item;
}

void batch_queue_get_stats(struct batch_queue *queue, struct queue_stats *out)
{
    os_mutex_lock(&queue->mutex);
    *out = (struct queue_stats){.batch_count = queue->count,
                                .memory_bytes = queue->memory_bytes,
                                .limit_bytes = queue->limit_bytes,
                                .row_count = queue->row_count};
    os_mutex_unlock(&queue->mutex);
}
