// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_FOREIGN_H
#define TTP_SIMULATION_FOREIGN_H

/*
 * Somebody else who writes into the lake's catalog as DuckDB does (DuckLake's specification, and
 * what DuckDB 1.5 was seen to do), over a connection of his own to the same file: a table of his
 * own that is called like ours, rows and deletes in ours, files of ours rewritten under another
 * name, columns, checkpoints, and a lock that he holds for long.
 */

#include <stdbool.h>

/* One write of the seed's choice; nothing where there is no catalog yet or it is locked. A
 * statement of his that fails ends the process: then the consumer left the catalog in a state that
 * others can't go on from. */
void foreign_act(const char *folder);

/* Beside a run: as many writes as the life says, at moments of the seed's choice. */
void foreign_start(const char *folder);
void foreign_join(void);

/* What both need to be true of the catalog after all. NULL, or a text that lives until the next
 * call. */
const char *foreign_finding(const char *folder);

/* Whether the data file of that path holds his rows, not ours. */
bool foreign_owns(const char *path);

#endif
