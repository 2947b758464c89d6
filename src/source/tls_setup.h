// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_TLS_SETUP_H
#define TTP_SOURCE_TLS_SETUP_H

/* The files of TLS that a source's options name, as they are now. */

#include "source/contract.h"
#include "tls/files.h"

/* Nothing is read without `tls`. Errors of tls_loaded_refresh. */
enum error_code tls_setup_refresh(struct tls_loaded *loaded, const struct source_options *options,
                                  struct error *error) MUST_CHECK;

#endif
