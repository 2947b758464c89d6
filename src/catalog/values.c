// SPDX-License-Identifier: Apache-2.0
#include "catalog/values.h"

#include "database/query.h"

enum error_code catalog_set_value(struct database *database, const char *key, const char *value,
                                  struct error *error)
{
    return database_run(database,
                        "INSERT INTO ttp_lake VALUES(?1,?2) "
                        "ON CONFLICT(\"key\") DO UPDATE SET \"value\" = ?2",
                        BIND(sql_text(key), sql_text(value)), error);
}

enum error_code catalog_get_value(struct database *database, const char *key, char **value,
                                  struct error *error)
{
    return database_query_text(database, "SELECT \"value\" FROM ttp_lake WHERE \"key\" = ?1",
                               BIND(sql_text(key)), value, error);
}
