// SPDX-License-Identifier: Apache-2.0
#include "database/location.h"

#include <libpq-fe.h>
#include <stddef.h>
#include <string.h>

#define POSTGRES_PREFIX "postgres:"

/* What libpq shows nowhere either. */
static const char *const secrets[] = {"password", "sslpassword"};

static const char *find_secret(const PQconninfoOption *options)
{
    for (; options->keyword != NULL; options++)
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            if (options->val != NULL && strcmp(options->keyword, secrets[i]) == 0)
                return "a password does not belong there: it would stand in the lake and in the "
                       "list of processes; give it as libpq takes it, in PGPASSWORD, PGPASSFILE, "
                       "~/.pgpass or a service file";
    return NULL;
}

static const char *conninfo_fault(const char *conninfo)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &message);
    const char *fault = options == NULL
                            ? "that is no connection string of PostgreSQL's: write key=value "
                              "pairs, such as host=db.example dbname=lake user=ttp, or a URI"
                            : find_secret(options);
    PQfreemem(message);
    PQconninfoFree(options);
    return fault;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "postgres:CONNINFO", or a URI as it is. */
static const char *conninfo_of(const char *catalog)
{
    if (has_prefix(catalog, POSTGRES_PREFIX "//") || has_prefix(catalog, "postgresql://"))
        return catalog;
    return has_prefix(catalog, POSTGRES_PREFIX) ? catalog + strlen(POSTGRES_PREFIX) : NULL;
}

static bool names_file(const char *catalog)
{
    return has_prefix(catalog, DATABASE_SQLITE_PREFIX) &&
           catalog[strlen(DATABASE_SQLITE_PREFIX)] != '\0';
}

static bool schema_is_good(const char *schema)
{
    return strlen(schema) < DATABASE_SCHEMA_BYTES &&
           strspn(schema, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(schema);
}

const char *database_location_fault(const char *catalog, const char *schema)
{
    const char *conninfo = conninfo_of(catalog);
    if (strlen(catalog) >= DATABASE_LOCATION_BYTES)
        return "the catalog's place is too long";
    if (catalog[0] != '\0' && conninfo == NULL && !names_file(catalog))
        return "the catalog is sqlite:PATH, or postgres:CONNINFO, such as "
               "postgres:host=db.example dbname=lake; without one it lies in the lake's folder";
    if (schema[0] != '\0' && conninfo == NULL)
        return "a schema is of a catalog in PostgreSQL: give that with --catalog postgres:…";
    if (!schema_is_good(schema))
        return "a schema's name has at most 63 characters of a-z, 0-9 and _";
    return conninfo == NULL ? NULL : conninfo_fault(conninfo);
}

struct database_location database_location_parse(const char *catalog, const char *schema)
{
    const char *conninfo = conninfo_of(catalog);
    return (struct database_location){
        .path = conninfo != NULL ? NULL : catalog + strlen(DATABASE_SQLITE_PREFIX),
        .conninfo = conninfo,
        .schema = schema};
}
