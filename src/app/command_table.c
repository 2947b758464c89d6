// SPDX-License-Identifier: Apache-2.0
#include "app/command_table.h"

#define ANY_COUNT 4096 /* arguments at most, where there may be many */

static const struct command_flag run_flags[] = {
    {"--include-pruned", NULL, "Fetch ledgers again that were pruned, where START END name them"},
    {"--dry-run", NULL, "Print what would be done and stop"},
    {"--report", "FILE", "Keep the summary there as JSON, as incomplete_FILE until the end"},
};
#define SERVING_TLS_FLAGS                                                                          \
    {"--tls-cert-file", "FILE", "Serve by TLS, with this certificate (and its chain) in PEM"},     \
        {"--tls-key-file", "FILE", "The certificate's key"},                                       \
    {                                                                                              \
        "--tls-client-ca-file", "FILE", "Demand a certificate of these authorities of each client" \
    }

static const struct command_flag replay_flags[] = {
    {"--listen", "HOST:PORT", "Address to serve on; port 0 picks a free one"},
    {"--live", NULL, "Close the recorded ledgers one by one, as a chain does"},
    {"--pace", "DURATION", "Time from ledger to ledger; with --live 5s where it is not given"},
    {"--fault", "FILE", "Script of faults to commit"},
    SERVING_TLS_FLAGS,
};
static const struct command_flag generate_flags[] = {
    {"--seed", "NUMBER", "What the events are made of: the same seed gives the same events"},
    {"--first-ledger", "LEDGER", "Number of the first ledger"},
    {"--ledgers", "COUNT", "How many ledgers"},
    {"--events", "COUNT", "How many events, in place of --ledgers"},
    {"--start-time", "TIME", "Close time of the first ledger, such as 2024-01-15T00:00:00Z"},
    {"--out", "FILE", "Write the events there"},
    {"--listen", "HOST:PORT", "Serve the events there instead"},
    {"--pace", "DURATION", "With --listen: close a ledger per DURATION, as a chain does"},
    {"--rows", "FILE", "Write what a consumer must store there, one JSON object a line"},
    SERVING_TLS_FLAGS,
};
static const struct command_flag verify_flags[] = {
    {"--deep", NULL, "Decode every value: statistics, event_index, digests"},
    {"--against", "HOST:PORT", "Ask a TTP server for the ledgers again and compare every value"},
    {"--sample", "PERCENT", "With --against: only so many of the ledgers, spread evenly: 1%, 0.5%"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command_flag repair_flags[] = {
    {"--deep", NULL, "Look for damage as verify --deep does"},
    {"--unconfirmed", NULL, "Take ledgers that brought no event out of the coverage instead"},
    {"--schema-version", "VERSION",
     "Take out what is of that older version, to be fetched again as the lake's own"},
    {"--discard-changes", NULL, "Take out, too, what others than this program changed there"},
    {"--dry-run", NULL, "Only say what would be done"},
};
static const struct command_flag rebuild_flags[] = {
    {"--dry-run", NULL, "Only say what would be done"},
};
static const struct command_flag prune_flags[] = {
    {"--older-than", "DURATION", "What closed so long before the newest ledger, such as 90d"},
    {"--before", "TIME", "What closed before it, such as 2024-01-15"},
    {"--before-ledger", "LEDGER", "What ends below it"},
    {"--dry-run", NULL, "Only say what would be done"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command_flag backup_flags[] = {
    {"--link", NULL, "Give data files a second name instead of a copy, on one file system"},
    {"--catalog", "CATALOG",
     "Where the copy's catalog goes: postgres:CONNINFO; on s3:// sqlite:PATH, too"},
    {"--catalog-schema", "SCHEMA", "The schema in PostgreSQL of the copy's catalog"},
    {"--mirror", NULL, "Remove there what left the lake since the last backup"},
    {"--dry-run", NULL, "Only say what would be done"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command_flag compact_flags[] = {
    {"--partition", "PARTITION",
     "Only this one, such as year=2024/month=01/day=15; also if newest"},
    {"--smaller-than", "SIZE", "Only files below it; default 90% of max_file_size"},
    {"--dry-run", NULL, "Only say what would be done"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command_flag expire_flags[] = {
    {"--older-than", "DURATION", "Snapshots from so long before the newest one, such as 7d"},
    {"--dry-run", NULL, "Only say what would be done"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command_flag relocate_flags[] = {
    {"--dry-run", NULL, "Only say what would be done"},
    {"--json", NULL, "Print one JSON object"},
};
static const struct command_flag dead_letters_flags[] = {
    {"--since", "LEDGER", "Only those of this ledger or later ones"},
    {"--until", "LEDGER", "Only those up to this ledger"},
    {"--dry-run", NULL, "With replay: only say what would be done"},
    {"--json", NULL, "Print one JSON object (of a list: one a line)"},
};
static const struct command_flag files_flags[] = {
    {"--since", "TIME|LEDGER", "Only files that reach up to it"},
    {"--until", "TIME|LEDGER", "Only files that begin by then"},
    {"--schema-version", "VERSION", "Only files of that version; those that DuckDB made have none"},
    {"--json", NULL, "Print one JSON object a line"},
};
static const struct command_flag json_flags[] = {
    {"--json", NULL, "Print one JSON object"},
};
static const struct command_flag help_flags[] = {
    {"--markdown", NULL, "Print the options as docs/CONFIGURATION.md"},
    {"--man", NULL, "Print the manual page"},
    {"--completion", "SHELL", "Print the completion of bash, zsh or fish"},
};

#define FLAGS(table) (table), sizeof(table) / sizeof((table)[0])
#define NO_FLAGS     NULL, 0

static const struct command table[] = {
    {"run", "[OPTIONS] [START END]", "store events in the lake: the service, and the default",
     FLAGS(run_flags), true, 2, cmd_run},
    {"demo", "", "serve real events here and store them under ./data/demo", NO_FLAGS, false, 0,
     cmd_demo},
    {"replay", "FILE... --listen HOST:PORT [--live] [--pace DURATION] [--fault FILE]",
     "serve recorded events as a TTP server", FLAGS(replay_flags), false, ANY_COUNT, cmd_replay},
    {"record", "FILE START END [OPTIONS]", "keep the raw stream of a range in a file", NO_FLAGS,
     true, 3, cmd_record},
    {"generate", "--seed N --first-ledger N (--ledgers N | --events N) --start-time TIME ...",
     "make realistic synthetic events, to a file or served", FLAGS(generate_flags), false, 0,
     cmd_generate},
    {"status", "[OPTIONS] [--json]", "show what a lake holds", FLAGS(json_flags), true, 0,
     cmd_status},
    {"verify", "[OPTIONS] [--deep] [--against HOST:PORT [--sample PERCENT]] [--json]",
     "prove that a lake is complete and undamaged", FLAGS(verify_flags), true, 0, cmd_verify},
    {"repair",
     "[OPTIONS] [--deep | --unconfirmed | --schema-version VERSION | START END] "
     "[--discard-changes] [--dry-run]",
     "take damaged commits or named ledgers out, to be fetched again", FLAGS(repair_flags), true, 2,
     cmd_repair},
    {"rebuild", "[OPTIONS] [--dry-run]", "make the catalog anew from the files alone",
     FLAGS(rebuild_flags), true, 0, cmd_rebuild},
    {"prune",
     "[OPTIONS] [--older-than DURATION | --before TIME | --before-ledger LEDGER] "
     "[--dry-run] [--json]",
     "take old commits out of the lake for good", FLAGS(prune_flags), true, 0, cmd_prune},
    {"backup",
     "DEST [OPTIONS] [--catalog CATALOG] [--catalog-schema SCHEMA] [--link] [--mirror] [--dry-run] "
     "[--json]",
     "copy or move a lake to a folder or s3://, beside a run", FLAGS(backup_flags), true, 1,
     cmd_backup},
    {"compact", "[OPTIONS] [--partition PARTITION] [--smaller-than SIZE] [--dry-run] [--json]",
     "make the data files of closed partitions few", FLAGS(compact_flags), true, 0, cmd_compact},
    {"expire", "[OPTIONS] [--older-than DURATION] [--dry-run] [--json]",
     "end old snapshots and delete the files that only they needed", FLAGS(expire_flags), true, 0,
     cmd_expire},
    {"relocate", "[OPTIONS] [--dry-run] [--json]",
     "tell readers where a lake that was moved or copied lies", FLAGS(relocate_flags), true, 0,
     cmd_relocate},
    {"dead-letters",
     "[list | show NUMBER | show LEDGER.EVENT | export FILE | replay] [OPTIONS] "
     "[--since LEDGER] [--until LEDGER] [--dry-run] [--json]",
     "list, show, export or replay events that are no rows", FLAGS(dead_letters_flags), true, 2,
     cmd_dead_letters},
    {"files", "[OPTIONS] [--since X] [--until X] [--schema-version VERSION] [--json]",
     "list the live data files, one a line", FLAGS(files_flags), true, 0, cmd_files},
    {"inspect", "FILE [OPTIONS] [--json]", "show what is in a Parquet file", FLAGS(json_flags),
     true, 1, cmd_inspect},
    {"check-config", "[OPTIONS] [--json]", "show the values in force and where each came from",
     FLAGS(json_flags), true, 2, cmd_check_config},
    {"version", "", "print the version", NO_FLAGS, false, 0, cmd_version},
    {"help", "[COMMAND | options]", "explain a command or the options", FLAGS(help_flags), false, 1,
     cmd_help},
};
const struct command_list command_table = {table, sizeof table / sizeof table[0]};
