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

int sri_verb_check(int count, char **arguments);
int sri_verb_exhaust(int count, char **arguments);
int sri_verb_shrink(int count, char **arguments);
int sri_verb_replay(int count, char **arguments);
int sri_verb_doctor(int count, char **arguments);

/* "safer-ring: …" on standard error; returns SRI_EXIT_USAGE. */
int sri_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t sri_clock_ns(void);

#endif
