// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "pb/event.h"
#include "serve/recording.h"
#include "serve/serve_test.h"
#include "serve/strkey.h"

/* Takes an address apart without looking at its check sum: type byte(s) off, 32 bytes. */
static enum strkey_kind decode(struct bytes_view text, uint8_t payload[STRKEY_PAYLOAD_BYTES])
{
    uint8_t raw[40] = {0};
    unsigned bit = 0;
    for (size_t i = 0; i < text.size_bytes; i++) {
        uint8_t c = text.data[i];
        unsigned value = (unsigned)(c >= 'A' ? c - 'A' : c - '2' + 26);
        for (int k = 4; k >= 0; k--, bit++)
            raw[bit / 8] |= (uint8_t)((value >> k & 1) << (7 - bit % 8));
    }
    switch (raw[0]) {
    case 6 << 3: memcpy(payload, raw + 1, STRKEY_PAYLOAD_BYTES); return STRKEY_ACCOUNT;
    case 2 << 3: memcpy(payload, raw + 1, STRKEY_PAYLOAD_BYTES); return STRKEY_CONTRACT;
    case 11 << 3: memcpy(payload, raw + 1, STRKEY_PAYLOAD_BYTES); return STRKEY_LIQUIDITY_POOL;
    case 1 << 3:
        assert_int_equal(raw[1], 0);
        memcpy(payload, raw + 2, STRKEY_PAYLOAD_BYTES);
        return STRKEY_CLAIMABLE_BALANCE;
    default: fail_msg("address of kind %u", raw[0]);
    }
    return STRKEY_ACCOUNT;
}

static unsigned seen[4];

static void check_address(struct bytes_view text)
{
    if (text.size_bytes == 0)
        return;
    uint8_t payload[STRKEY_PAYLOAD_BYTES];
    enum strkey_kind kind = decode(text, payload);
    char out[STRKEY_MAX_BYTES];
    unsigned length = strkey_encode(kind, payload, out);
    assert_true(bytes_equal(bytes_view_of(out, length), text));
    seen[kind]++;
}

static void every_real_address_comes_out_of_its_own_payload(void **state)
{
    (void)state;
    const char *paths[] = {DATA("pubnet-63092993-63092996.events"), DATA("pubnet-early.events")};
    struct recording *recording;
    assert_int_equal(recording_open(&recording, paths, 2, NULL), OK);
    uint32_t ledger = 0;
    struct buffer framed;
    buffer_init(&framed);
    for (; recording_find(recording, ledger, &ledger); ledger++) {
        buffer_reset(&framed);
        assert_int_equal(recording_load(recording, ledger, &framed, NULL), OK);
        struct bytes_view rest = buffer_view(&framed), message;
        while (feed_next_message(&rest, &message)) {
            struct event_view event;
            assert_int_equal(event_decode(message, &event, NULL), OK);
            check_address(event.from);
            check_address(event.to);
            check_address(event.contract_address);
            check_address(event.asset_issuer);
        }
    }
    assert_true(seen[STRKEY_ACCOUNT] > 3000 && seen[STRKEY_CONTRACT] > 3000);
    assert_true(seen[STRKEY_LIQUIDITY_POOL] > 300 && seen[STRKEY_CLAIMABLE_BALANCE] > 300);
    buffer_release(&framed);
    recording_free(recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_address_comes_out_of_its_own_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
