/*
 * The command safer-ring: what its verbs share. The only room that prints, and that asks this machine for the time.
 */
#ifndef SRI_CLI_CLI_H
#define SRI_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "explore/campaign.h"

enum {
    SRI_EXIT_FINE = 0,
    SRI_EXIT_VIOLATION = 1,
    SRI_EXIT_USAGE = 2, /* bad usage or environment: one line says what is wrong and what to do */
};

struct sri_options {
    struct sri_campaign campaign;
    bool seeds_given;
    bool one_seed; /* --seed: a hash for each scenario */
    bool json;
    const char *json_file; /* NULL: standard output */
    const char *file;      /* --file */
    const char *tmp;
    const char *tape_dir;
};

/* Reads the options of `check`. 0, or SRI_EXIT_USAGE after the one line. */
int sri_options_read(struct sri_options *options, int count, char **arguments);

/* The kernels that are not simulated, for a campaign's worker. */
int sri_make_uring(struct sri_kernel *kernel);
int sri_make_engine(struct sri_kernel *kernel);
void sri_release_kernel(struct sri_kernel *kernel);
/* By its name; false: there is none of this name. */
bool sri_backend_named(const char *name, size_t length, struct sri_backend_choice *choice);

/* Reads a tape and says which run it is; sri_tape_file_fini() gives its memory back. 0, or an exit code after the one line. */
struct sri_tape_file;
int sri_read_tape(const char *path, struct sri_tape_file *file, struct sri_run *run);

/* Copies a file with each backend and compares. An exit code. */
int sri_check_file(const struct sri_options *options);

/* What the command can do. Each stands at the end of its own file, and in the list of main.c. */
struct sri_verb {
    const char *name;
    const char *summary; /* a line of --help */
    const char *help;    /* usage, options, examples; lines end themselves */
    int (*run)(int count, char **arguments);
};
extern const struct sri_verb sri_verb_check;
extern const struct sri_verb sri_verb_faults;
extern const struct sri_verb sri_verb_exhaust;
extern const struct sri_verb sri_verb_replay;
extern const struct sri_verb sri_verb_shrink;
extern const struct sri_verb sri_verb_run;
extern const struct sri_verb sri_verb_doctor;

/* "safer-ring: …" on standard error; returns SRI_EXIT_USAGE. */
int sri_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t sri_clock_ns(void);

#endif
