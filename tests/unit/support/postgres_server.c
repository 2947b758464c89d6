// SPDX-License-Identifier: Apache-2.0
#include "support/postgres_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/temp_folder.h"

/* initdb refuses root: there the server is of the user postgres. */
#define FIND "bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1); "
#define AS_USER                                                                                    \
    "as() { if [ $(id -u) = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "   \
    "\"$@\"; else \"$@\"; fi; }; "

static char folder[TEMP_PATH_BYTES];
static char conninfo[TEMP_PATH_BYTES + 64];
static unsigned database_count;
static bool is_running;

static bool run(const char *words)
{
    char script[3 * TEMP_PATH_BYTES];
    snprintf(script, sizeof script, FIND AS_USER "F=%s; cd /; %s", folder, words);
    fflush(stdout);
    return system(script) == 0;
}

bool postgres_server_start(void)
{
    folder[0] = '\0';
    if (!run("[ -x \"$bin/initdb\" ] && [ -x \"$bin/pg_ctl\" ]"))
        return false;
    temp_folder_make(folder);
    is_running =
        run("chmod 755 $F; mkdir $F/pg && { [ $(id -u) != 0 ] || chown postgres:postgres $F/pg; } "
            "&& as $bin/initdb -D $F/pg/data -U postgres -A trust --no-sync -E UTF8 --locale=C "
            ">/dev/null && as $bin/pg_ctl -D $F/pg/data -l $F/pg/log -w -t 60 -o \"-k $F/pg -c "
            "listen_addresses= -c fsync=off\" start >/dev/null");
    if (!is_running)
        fprintf(stderr, "the PostgreSQL server in %s does not start\n", folder);
    return is_running;
}

void postgres_server_stop(void)
{
    if (is_running)
        (void)!run("as $bin/pg_ctl -D $F/pg/data -m immediate -w stop >/dev/null");
    is_running = false;
    if (folder[0] != '\0')
        temp_folder_remove(folder);
}

const char *postgres_server_new_database(void)
{
    char words[256];
    snprintf(words, sizeof words,
             "$bin/psql -h $F/pg -U postgres -d postgres -X -q -c 'CREATE DATABASE lake%u'",
             ++database_count);
    if (!run(words))
        return "";
    snprintf(conninfo, sizeof conninfo, "host=%s/pg user=postgres dbname=lake%u", folder,
             database_count);
    return conninfo;
}

const char *postgres_server_query(const char *sql)
{
    static char line[1024];
    char script[3 * TEMP_PATH_BYTES];
    snprintf(script, sizeof script,
             FIND
             "cd /; $bin/psql -h %s/pg -U postgres -d lake%u -X -q -A -t -v ON_ERROR_STOP=1 -c "
             "\"%s\" 2>/dev/null || echo ERROR",
             folder, database_count, sql);
    FILE *answer = popen(script, "r");
    line[0] = '\0';
    if (answer != NULL && fgets(line, sizeof line, answer) == NULL)
        line[0] = '\0';
    if (answer != NULL)
        pclose(answer);
    line[strcspn(line, "\n")] = '\0';
    return line;
}
