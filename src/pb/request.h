// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PB_REQUEST_H
#define TTP_PB_REQUEST_H

/* token_transfer_service.GetEventsRequest { uint32 start_ledger = 1; uint32 end_ledger = 2; } */

#include <stdint.h>

#include "util/buffer.h"
#include "util/error.h"

#define TTP_GET_EVENTS_PATH "/token_transfer_service.EventService/GetTTPEvents"

struct get_events_request {
    uint32_t start_ledger;
    uint32_t end_ledger; /* inclusive; 0: for ever */
};

enum error_code get_events_request_encode(const struct get_events_request *request,
                                          struct buffer *out) MUST_CHECK;
enum error_code get_events_request_decode(struct bytes_view message,
                                          struct get_events_request *request,
                                          struct error *error) MUST_CHECK;

#endif
