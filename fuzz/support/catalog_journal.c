// SPDX-License-Identifier: Apache-2.0
#include "support/catalog_journal.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define PAGE_BYTES   4096
#define PAGE_MAX     64 /* in one side file */
#define SECTOR_BYTES 512
#define NONCE        0x12345678u
#define FAR_PAGE     0x7ffffff0u
#define LOCK_PAGE    (0x40000000u / PAGE_BYTES + 1)

static const uint8_t journal_magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};

static void put(struct buffer *out, const void *bytes, size_t size_bytes)
{
    enum error_code code = buffer_append(out, bytes, size_bytes);
    assert(code == OK);
}

static void put_u32(struct buffer *out, uint32_t number)
{
    const uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                              (uint8_t)(number >> 8), (uint8_t)number};
    put(out, bytes, sizeof bytes);
}

/* The numbers, from 1, of the pages that differ. */
static size_t find_pages(struct bytes_view before, struct bytes_view after,
                         uint32_t pages[PAGE_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at + PAGE_BYTES <= after.size_bytes && count < PAGE_MAX; at += PAGE_BYTES)
        if (at + PAGE_BYTES > before.size_bytes ||
            memcmp(before.data + at, after.data + at, PAGE_BYTES) != 0)
            pages[count++] = (uint32_t)(at / PAGE_BYTES + 1);
    return count;
}

struct checksum {
    uint32_t first, second;
};

/* Section 4.2, of words with the low byte first. */
static void add_to_checksum(struct checksum *sum, const uint8_t *bytes, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i += 8) {
        uint32_t words[2];
        for (size_t k = 0; k < 2; k++)
            words[k] = bytes[i + 4 * k] | (uint32_t)bytes[i + 4 * k + 1] << 8 |
                       (uint32_t)bytes[i + 4 * k + 2] << 16 | (uint32_t)bytes[i + 4 * k + 3] << 24;
        sum->first += words[0] + sum->second;
        sum->second += words[1] + sum->first;
    }
}

void catalog_journal_make_wal(struct bytes_view before, struct bytes_view after, uint8_t flags,
                              struct buffer *out)
{
    static const uint32_t head[] = {0x377f0682u, 3007000, PAGE_BYTES, 0, NONCE, ~NONCE};
    uint32_t pages[PAGE_MAX];
    struct checksum sum = {0};
    size_t count = find_pages(before, after, pages);
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        put_u32(out, head[i]);
    add_to_checksum(&sum, out->data, out->size_bytes);
    put_u32(out, sum.first);
    put_u32(out, sum.second);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *page = after.data + (size_t)(pages[i] - 1) * PAGE_BYTES;
        size_t begin = out->size_bytes;
        bool commits = i + 1 == count && (flags & 1) == 0;
        put_u32(out, i == 0 && (flags & 2) != 0 ? FAR_PAGE : pages[i]);
        put_u32(out, commits ? (uint32_t)(after.size_bytes / PAGE_BYTES) : 0);
        add_to_checksum(&sum, out->data + begin, 8);
        add_to_checksum(&sum, page, PAGE_BYTES);
        put_u32(out, NONCE);
        put_u32(out, ~NONCE);
        put_u32(out, sum.first);
        put_u32(out, sum.second);
        put(out, page, PAGE_BYTES);
    }
    if ((flags & 4) != 0)
        out->size_bytes -= out->size_bytes / 3;
}

/* Section 3: a byte of every 200, from the end. */
static uint32_t page_checksum(const uint8_t *page)
{
    uint32_t sum = NONCE;
    for (int at = PAGE_BYTES - 200; at > 0; at -= 200)
        sum += page[at];
    return sum;
}

static void put_super(struct buffer *out, const char *super)
{
    uint32_t sum = 0;
    size_t length = strlen(super);
    for (size_t i = 0; i < length; i++)
        sum += (uint32_t)(signed char)super[i];
    put_u32(out, LOCK_PAGE);
    put(out, super, length);
    put_u32(out, (uint32_t)length);
    put_u32(out, sum);
    put(out, journal_magic, sizeof journal_magic);
}

void catalog_journal_make_rollback(struct bytes_view before, struct bytes_view after,
                                   const char *super, struct buffer *out)
{
    static const uint8_t zeros[SECTOR_BYTES];
    uint32_t pages[PAGE_MAX];
    size_t count = find_pages(before, after, pages);
    put(out, journal_magic, sizeof journal_magic);
    put_u32(out, (uint32_t)count);
    put_u32(out, NONCE);
    put_u32(out, (uint32_t)(after.size_bytes / PAGE_BYTES));
    put_u32(out, SECTOR_BYTES);
    put_u32(out, PAGE_BYTES);
    put(out, zeros, SECTOR_BYTES - out->size_bytes);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *page = after.data + (size_t)(pages[i] - 1) * PAGE_BYTES;
        put_u32(out, pages[i]);
        put(out, page, PAGE_BYTES);
        put_u32(out, page_checksum(page));
    }
    if (super[0] != '\0')
        put_super(out, super);
}
