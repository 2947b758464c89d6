// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_COLUMN_VALUE_H
#define TTP_CATALOG_COLUMN_VALUE_H

/* Values of DuckLake statistics: texts that mean something else than their bytes for some types. */

#include <stdbool.h>

/* Compares two values of DuckLake type `type` ("uint32", "timestamptz", "decimal(38,0)", "varchar",
 * "blob" in hexadecimal, …) as that type does: *order gets <0, 0 or >0. False if one of them is not
 * a value of the type. Types not known here compare as bytes. */
bool column_value_compare(const char *type, const char *a, const char *b, int *order);

#endif
