// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_LOCATION_H
#define TTP_CATALOG_LOCATION_H

/* Where a catalog is. Texts are borrowed. */

struct catalog_location {
    const char *path;     /* of a SQLite file; NULL: it is in PostgreSQL */
    const char *conninfo; /* of PostgreSQL, as libpq takes it, without a password */
    const char *schema;   /* in which its tables are; "": public */
};

#endif
