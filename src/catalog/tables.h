// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_TABLES_H
#define TTP_CATALOG_TABLES_H

/* The tables (and our indexes) of a new catalog, as the statements that make them. */

#include <stddef.h>

extern const char *const ducklake_tables[];
extern const size_t ducklake_table_count;
extern const char *const catalog_tables[];
extern const size_t catalog_table_count;

/* Those that the care of a lake makes (catalog/care.h). */
extern const char *const care_tables[];
extern const size_t care_table_count;

/* Indexes of ours that lakes of earlier versions get with the first care of them. */
extern const char *const catalog_late_indexes;

/* Makes the table of what seam checks found, where it is not there yet: lakes are without it until
 * one finds something. */
extern const char *const catalog_seam_table;
/* The same of the ranges whose seams could not be checked. */
extern const char *const catalog_unchecked_table;
/* And of the views that were made (catalog/views.h). */
extern const char *const catalog_views_table;
/* The same of files that nothing needs any more, and of those that repair took out. */
extern const char *const catalog_doomed_table;
extern const char *const catalog_aside_table;
/* The same of objects whose commits the catalog does not hold (catalog/uploads.h). */
extern const char *const catalog_upload_table;

#endif
