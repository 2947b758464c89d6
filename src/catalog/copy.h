// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_COPY_H
#define TTP_CATALOG_COPY_H

/* Whole catalogs, from one place to another, of whichever engines. */

#include "catalog/catalog.h"

/* Makes the SQLite file `to`, anew, what the catalog at `from` is at one moment. Who reads or
 * writes to `from` is not disturbed. Its bytes are durable then. ERR_RETRY (EBUSY) where another
 * program holds it. */
enum error_code catalog_copy(const char *to, const struct database_location *from,
                             struct error *error) MUST_CHECK;

/* Makes the catalog at `to`, which others may be reading, what the sealed one in the SQLite file
 * `from` is, in one transaction; where there is none, it is made. ERR_RETRY (EBUSY) where another
 * program writes to it, ERR_CONFLICT where one owns it. */
enum error_code catalog_overwrite(const struct database_location *to, const char *from,
                                  struct error *error) MUST_CHECK;

#define CATALOG_KEPT_BYTES 512
/* The same of a catalog outside of a lake's folder that is not to be gone on with: what is there is
 * kept, and stays as it is, under another name (`kept`; "": there was nothing): the file as
 * PATH.damaged, the tables in a schema SCHEMA_damaged of the same database; "-2", "_2" … where that
 * is taken. ERR_CONFLICT where another process has it open, or owns it. */
enum error_code catalog_replace(const struct database_location *to, const char *from,
                                char kept[CATALOG_KEPT_BYTES], struct error *error) MUST_CHECK;

/* ERR_CONFLICT where something else than a lake's catalog is there; *is_there: one is. */
enum error_code catalog_look(const struct database_location *where, bool *is_there,
                             struct error *error) MUST_CHECK;

#endif
