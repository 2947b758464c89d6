// SPDX-License-Identifier: Apache-2.0
#include "os/log_repeats.h"

#include <pthread.h>

#define SLOTS 64 /* messages remembered; there are not many more that can go wrong */

struct repeat_slot {
    uint64_t hash; /* 0: free */
    int64_t since_us;
    uint32_t written;
    uint64_t left_out;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct repeat_slot slots[SLOTS];

/* FNV-1a, the terminating NUL included, so that "ab"+"c" is not "a"+"bc". */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    while (*text++ != '\0');
    return hash;
}

bool log_repeats_admit(const char *component, const char *message, int64_t now_us,
                       uint64_t *left_out)
{
    uint64_t hash = hash_text(hash_text(UINT64_C(0xcbf29ce484222325), component), message) | 1;
    bool admitted = true;
    *left_out = 0;
    pthread_mutex_lock(&mutex);
    struct repeat_slot *slot = &slots[hash / 2 % SLOTS];
    if (slot->hash != hash)
        *slot = (struct repeat_slot){.hash = hash, .since_us = now_us};
    if (now_us - slot->since_us >= LOG_REPEATS_WINDOW_US) {
        slot->since_us = now_us;
        slot->written = 0;
    }
    if (slot->written < LOG_REPEATS_BURST) {
        slot->written++;
        *left_out = slot->left_out;
        slot->left_out = 0;
    } else {
        slot->left_out++;
        admitted = false;
    }
    pthread_mutex_unlock(&mutex);
    return admitted;
}
