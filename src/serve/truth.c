// SPDX-License-Identifier: Apache-2.0
#include "serve/truth.h"

#include <inttypes.h>

#include "util/bytes.h"
#include "util/memory.h"
#include "util/text.h"
#include "util/utf8.h"

/* One character of a JSON text (RFC 8259 section 7); bytes above 0x7f go as they are. */
static enum error_code append_escaped(struct buffer *out, uint8_t c)
{
    switch (c) {
    case '"': return buffer_append_text(out, "\\\"");
    case '\\': return buffer_append_text(out, "\\\\");
    case '\n': return buffer_append_text(out, "\\n");
    case '\r': return buffer_append_text(out, "\\r");
    case '\t': return buffer_append_text(out, "\\t");
    default: break;
    }
    if (c < 0x20 || c == 0x7f)
        return buffer_append_format(out, "\\u%04x", c);
    return buffer_append_byte(out, c);
}

static enum error_code append_string(struct buffer *out, struct bytes_view text)
{
    uint8_t *mended = NULL;
    if (!utf8_is_valid(text)) {
        mended = mem_alloc(utf8_mended_size_max(text.size_bytes));
        if (mended == NULL)
            return ERR_NO_MEMORY;
        text = bytes_view_of(mended, utf8_mend(text, mended));
    }
    enum error_code code = buffer_append_byte(out, '"');
    for (size_t i = 0; code == OK && i < text.size_bytes; i++)
        code = append_escaped(out, text.data[i]);
    mem_free(mended);
    return code == OK ? buffer_append_byte(out, '"') : code;
}

/* `,"key":` and the text, or null. */
static enum error_code append_text(struct buffer *out, const char *key, bool is_there,
                                   struct bytes_view text)
{
    enum error_code code = buffer_append_format(out, ",\"%s\":", key);
    if (code != OK)
        return code;
    return is_there ? append_string(out, text) : buffer_append_text(out, "null");
}

static enum error_code append_memo(const struct event_view *event, struct buffer *out)
{
    static const char *const types[] = {
        [MEMO_NONE] = "", [MEMO_TEXT] = "text", [MEMO_ID] = "id", [MEMO_HASH] = "hash"};
    enum error_code code;
    if (event->memo_kind == MEMO_ID) {
        code = buffer_append_format(out, ",\"memo\":\"%" PRIu64 "\"", event->memo_id);
    } else if (event->memo_kind == MEMO_HASH) {
        code = buffer_append_text(out, ",\"memo\":\"");
        for (size_t i = 0; code == OK && i < event->memo.size_bytes; i++)
            code = buffer_append_format(out, "%02x", event->memo.data[i]);
        if (code == OK)
            code = buffer_append_byte(out, '"');
    } else {
        code = append_text(out, "memo", event->memo_kind == MEMO_TEXT, event->memo);
    }
    if (code != OK)
        return code;
    return append_text(out, "memo_type", event->memo_kind != MEMO_NONE,
                       bytes_view_text(types[event->memo_kind]));
}

static enum error_code append_asset(const struct event_view *event, struct buffer *out)
{
    struct bytes_view code_text =
        event->asset_kind == ASSET_NATIVE ? bytes_view_text("XLM") : event->asset_code;
    enum error_code code =
        append_text(out, "asset_code", event->asset_kind != ASSET_NONE, code_text);
    if (code != OK)
        return code;
    return append_text(out, "asset_issuer", event->asset_kind == ASSET_ISSUED, event->asset_issuer);
}

static enum error_code append_identity(const struct event_view *event, uint32_t event_index,
                                       struct buffer *out)
{
    int64_t timestamp_us = event->closed_at_seconds * US_PER_SECOND + event->closed_at_nanos / 1000;
    enum error_code code = buffer_append_format(
        out,
        "{\"timestamp_us\":%" PRId64 ",\"ledger_sequence\":%" PRIu32 ",\"event_index\":%" PRIu32,
        timestamp_us, event->ledger_sequence, event_index);
    if (code == OK)
        code = append_text(out, "transaction_hash", true, event->tx_hash);
    if (code == OK)
        code =
            buffer_append_format(out, ",\"transaction_index\":%" PRIu32, event->transaction_index);
    if (code != OK)
        return code;
    if (!event->has_operation_index)
        return buffer_append_text(out, ",\"operation_index\":null");
    return buffer_append_format(out, ",\"operation_index\":%" PRIu32, event->operation_index);
}

enum error_code truth_append_row(const struct event_view *event, uint32_t event_index,
                                 struct buffer *out)
{
    bool has_from = event->type != EVENT_MINT && event->type != EVENT_NONE;
    bool has_to = event->type == EVENT_TRANSFER || event->type == EVENT_MINT;
    enum error_code code = append_identity(event, event_index, out);
    if (code == OK)
        code = append_text(out, "event_type", true, bytes_view_text(event_type_name(event->type)));
    if (code == OK)
        code = append_text(out, "source_account", has_from, event->from);
    if (code == OK)
        code = append_text(out, "dest_account", has_to, event->to);
    if (code == OK)
        code = append_asset(event, out);
    if (code == OK)
        code = append_text(out, "contract_address", event->contract_address.size_bytes > 0,
                           event->contract_address);
    if (code == OK)
        code = append_text(out, "amount", true, event->amount);
    if (code == OK)
        code = append_memo(event, out);
    return code == OK ? buffer_append_text(out, "}\n") : code;
}
