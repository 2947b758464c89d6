// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_POSTGRES_HOLDER_H
#define TTP_DATABASE_POSTGRES_HOLDER_H

/*
 * Who may write to a catalog in PostgreSQL (docs/commit-protocol.md, "A catalog in PostgreSQL"):
 * one process alone, or any number of them that share it. An advisory lock of the session,
 * exclusive or shared, keeps the others out; a row of ttp_writer fences each transaction: row 1
 * those of who has it alone, a row of their own those of each who shares it.
 */

#include "database/database.h"

/* Takes the lock for this connection. ERR_CONFLICT: another process has it; ERR_RETRY where that is
 * waited for. */
enum error_code postgres_holder_lock(struct database *database, struct error *error) MUST_CHECK;
/* Writes this session and a new epoch into the row, if there is one, and waits for what a former
 * connection of ours still does under it. ERR_CONFLICT: another process has taken over. */
enum error_code postgres_holder_claim(struct database *database, struct error *error) MUST_CHECK;
/* In a transaction, before anything else: locks the row and then ducklake_snapshot. ERR_CONFLICT
 * unless the row is as it was claimed. Until the transaction ends nobody else changes either. */
enum error_code postgres_holder_fence(struct database *database, struct error *error) MUST_CHECK;
/* At the end: takes out the row of one who shared. */
void postgres_holder_leave(struct database *database);

#endif
