// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_POSTGRES_HOLDER_H
#define TTP_CATALOG_POSTGRES_HOLDER_H

/*
 * Who may write to a catalog in PostgreSQL (docs/commit-protocol.md, "A catalog in PostgreSQL"):
 * an advisory lock of the session keeps a second process out, and the one row of ttp_writer fences
 * each transaction.
 */

#include "catalog/database.h"

/* The table, and its row. */
extern const char *const postgres_holder_table;
extern const char *const postgres_holder_row;

/* Takes the lock for this connection. ERR_CONFLICT: another process has it. */
enum error_code postgres_holder_lock(struct database *database, struct error *error) MUST_CHECK;
/* Writes this session and a new epoch into the row, if there is one, and waits for what a former
 * connection of ours still does under it. ERR_CONFLICT: another process has taken over. */
enum error_code postgres_holder_claim(struct database *database, struct error *error) MUST_CHECK;
/* In a transaction, before anything else: locks the row and then ducklake_snapshot. ERR_CONFLICT
 * unless the row is as it was claimed. Until the transaction ends nobody else changes either. */
enum error_code postgres_holder_fence(struct database *database, struct error *error) MUST_CHECK;

#endif
