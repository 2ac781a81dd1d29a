/* The commands of the program itself; modules bring their own (identity: user, document: worker).
 */
#include "main/cli.h"

const struct command main_commands[] = {
    {
        .name = "serve",
        .summary = "serve the cities of the data directory",
        .help =
            "machi serve [--data DIR] [--port N] [--demo]\n\n"
            "Serves every city below the data directory, in the foreground, and logs to standard\n"
            "error. --demo makes the demo city first when there is no city yet. SIGHUP reads\n"
            "definitions, templates and texts anew; SIGTERM finishes what is in flight and stops.",
        .all_settings = true,
        .run = run_serve,
    },
    {
        .name = "init",
        .summary = "make a city in the data directory",
        .help =
            "machi init [--data DIR] [--city ID] [--name TEXT] [--name-en TEXT] [--host NAME]\n"
            "       [--base-url URL] [--store URL] [--demo] [--demo-size N] [--seed N]\n\n"
            "Makes a city: its folder, its settings (city.yaml) and its store. --base-url is the\n"
            "address that people use; the journal is named after it, once. --demo fills it with\n"
            "fictional people and applications, always the same for the same seed; --demo-size N\n"
            "makes N applications.",
        .run = run_init,
    },
    {
        .name = "migrate",
        .summary = "bring the stores up to date with this program",
        .help =
            "machi migrate [--data DIR]\n\nAdds what this version's schema needs, in every city.",
        .run = run_migrate,
    },
    {
        .name = "check",
        .summary = "check procedure definitions",
        .help =
            "machi check [--data DIR] [--city ID] [FILE or FOLDER ...]\n"
            "machi check --roles FILE [--data DIR] [--city ID]\n\n"
            "Reads definitions and names file, line, column and remedy for each problem. Without\n"
            "files: everything the city would load (without --city: the built-in ones), its "
            "address and\n"
            "the name of its journal. --roles: a file of roles that is not in use yet, and whose "
            "rights it\n"
            "would change in the city (+ gained, - lost). Exit code 3 when there are problems.",
        .run = run_check,
    },
    {
        .name = "backup",
        .summary = "copy a city's store and files while it runs",
        .help = "machi backup [--data DIR] [--city ID] TARGET\n\n"
                "Writes everything the store holds, with attachments and documents, the keys and "
                "the city's\n"
                "settings to TARGET (a new .tar file, or a folder). The city may go on working.",
        .run = run_backup,
    },
    {
        .name = "restore",
        .summary = "make a store from a backup",
        .help = "machi restore [--data DIR] [--city ID] [--store URL] BACKUP\n\n"
                "Makes the city of the backup again, or --city under another name, with its "
                "settings; the\n"
                "store is --store, and must be empty. SQLite and PostgreSQL take each other's. A "
                "city.yaml\n"
                "that is there already is kept, and the store it names is filled.",
        .run = run_restore,
    },
    {
        .name = "verify",
        .summary = "prove the store against its journal",
        .help = "machi verify [--data DIR] [--city ID]\n\n"
                "Recomputes every journal entry, the Merkle tree and its signed heads, every "
                "record that\n"
                "the journal describes and every file. Names the first damaged entry. Exit code 3 "
                "when\n"
                "something does not fit.",
        .run = run_verify,
    },
    {
        .name = "version",
        .summary = "print the version",
        .help = "machi version",
        .run = run_version,
    },
};
_Static_assert(sizeof(main_commands) / sizeof(main_commands[0]) == MAIN_COMMAND_COUNT,
    "the list of modules counts them");
