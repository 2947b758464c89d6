// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_EXCHANGE_H
#define TTP_COMMIT_EXCHANGE_H

/*
 * Putting another catalog in the place of a lake's: the new one is made under a name of its own
 * (catalog/files.h), the old one is kept in _lake/damaged. At each moment the lake has its old
 * catalog, none (and every command says so), or the new one; never one beside a write-ahead log of
 * the other, which would be taken for its own.
 */

#include "store/store.h"

/* Keeps the old catalog, if there is one, in _lake/damaged (*kept) and gives its name to the new
 * one, which is sealed, durably. */
enum error_code catalog_exchange(const struct store *store, bool *kept,
                                 struct error *error) MUST_CHECK;

#endif
