// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* By the first characters, the longest first. */
static const struct {
    const char *state;
    enum postgres_remedy remedy;
    const char *advice; /* behind the server's words; NULL: none */
} states[] = {
    {"23505", POSTGRES_AGAIN, NULL},
    {"23P01", POSTGRES_FENCED, "the ledgers are another process's by now"},
    {"25P03", POSTGRES_AGAIN, NULL},
    {"25006", POSTGRES_AGAIN, NULL}, /* a standby, until it is promoted */
    {"42501", POSTGRES_REFUSED,
     "grant the role what docs/OPERATIONS.md lists: it must own the tables of the lake, or have "
     "SELECT, INSERT, UPDATE, DELETE and TRUNCATE on them and CREATE on their schema"},
    {"53100", POSTGRES_SPACE, NULL},
    {"57014", POSTGRES_AGAIN, NULL},
    {"57P04", POSTGRES_REFUSED, "the database was dropped: make it anew, or restore it"},
    {"58030", POSTGRES_FAILED, NULL},
    {"55P03", POSTGRES_AGAIN, NULL},
    {"08", POSTGRES_AGAIN, NULL},
    {"22", POSTGRES_DAMAGED, NULL},
    {"23", POSTGRES_DAMAGED, NULL},
    {"28", POSTGRES_REFUSED,
     "check the role, and give its password as libpq takes it: PGPASSWORD, PGPASSFILE, "
     "~/.pgpass or a service file"},
    {"3D", POSTGRES_REFUSED, "make the database (createdb), or name another one"},
    {"3F", POSTGRES_REFUSED, "make the schema, or name another one with --catalog-schema"},
    {"40", POSTGRES_AGAIN, NULL},
    {"42", POSTGRES_DAMAGED, NULL},
    {"53", POSTGRES_WAIT, NULL},
    {"57", POSTGRES_AGAIN, NULL},
    {"58", POSTGRES_FAILED, NULL},
    {"XX", POSTGRES_DAMAGED, NULL},
};

#define STATE_COUNT (sizeof states / sizeof *states)

static size_t find(const char *sqlstate)
{
    size_t i = 0;
    while (i < STATE_COUNT && strncmp(sqlstate, states[i].state, strlen(states[i].state)) != 0)
        i++;
    return i;
}

enum postgres_remedy postgres_remedy_of(const char *sqlstate)
{
    if (sqlstate == NULL || sqlstate[0] == '\0')
        return POSTGRES_AGAIN;
    size_t i = find(sqlstate);
    return i < STATE_COUNT ? states[i].remedy : POSTGRES_FAILED;
}

/* The server's message without its line ends, and the lines that are for programmers. */
static void first_line(const char *words, char *out, size_t out_bytes)
{
    const char *place = strstr(words, "\nLOCATION:");
    size_t length = place == NULL ? strlen(words) : (size_t)(place - words);
    snprintf(out, out_bytes, "%.*s", (int)length, words);
    size_t used = strlen(out);
    while (used > 0 && (out[used - 1] == '\n' || out[used - 1] == ' '))
        out[--used] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (*at == '\n' || *at == '\t')
            *at = ' ';
}

enum error_code postgres_error_set(struct error *error, const char *name, const char *sqlstate,
                                   const char *words)
{
    static const enum error_code codes[] = {
        [POSTGRES_AGAIN] = ERR_RETRY,      [POSTGRES_WAIT] = ERR_RETRY,
        [POSTGRES_SPACE] = ERR_RETRY,      [POSTGRES_FENCED] = ERR_AGAIN,
        [POSTGRES_REFUSED] = ERR_CONFLICT, [POSTGRES_DAMAGED] = ERR_CORRUPT,
        [POSTGRES_FAILED] = ERR_IO,
    };
    enum postgres_remedy remedy = postgres_remedy_of(sqlstate);
    bool has_state = sqlstate != NULL && sqlstate[0] != '\0';
    size_t i = has_state ? find(sqlstate) : STATE_COUNT;
    const char *advice = i < STATE_COUNT ? states[i].advice : NULL;
    char line[512];
    first_line(words == NULL ? "" : words, line, sizeof line);
    error_set(error, codes[remedy], "catalog %.300s: %s%s%s%s%s%s", name, line,
              has_state ? " (SQLSTATE " : "", has_state ? sqlstate : "", has_state ? ")" : "",
              advice != NULL ? "; " : "", advice != NULL ? advice : "");
    if (error != NULL)
        error->system_errno = remedy == POSTGRES_SPACE     ? ENOSPC
                              : codes[remedy] == ERR_RETRY ? EBUSY
                                                           : 0;
    return codes[remedy];
}

static bool is_state(const char *text)
{
    for (int i = 0; i < 5; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z')))
            return false;
    return text[5] == ':' && text[6] == ' ';
}

void postgres_find_state(const char *message, char out[6])
{
    out[0] = '\0';
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 3, ":  "))
        if (is_state(at + 3)) {
            memcpy(out, at + 3, 5);
            out[5] = '\0';
            return;
        }
}

enum error_code postgres_error_fenced(struct error *error, const char *name)
{
    return error_set(error, ERR_CONFLICT,
                     "the catalog %s was taken over by another process: this one writes nothing "
                     "more to it; end one of the two, a lake has one writer",
                     name);
}
