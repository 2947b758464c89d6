// SPDX-License-Identifier: Apache-2.0
#include "source/tls_setup.h"

enum error_code tls_setup_refresh(struct tls_loaded *loaded, const struct source_options *options,
                                  struct error *error)
{
    const struct tls_files files = {.authorities = options->tls_ca_file,
                                    .certificate = options->tls_cert_file,
                                    .key = options->tls_key_file};
    return options->tls ? tls_loaded_refresh(loaded, &files, error) : OK;
}
