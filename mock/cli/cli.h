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
    /* 128 and the number of the signal that interrupted: sri_interrupted_code() */
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
    int count; /* the command line, for whoever goes on with it */
    const char *const *line;
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

/*
 * Writes a result whole into a file, or not at all. 0, or SRI_EXIT_USAGE after the one line, which names `option` as the way to
 * another file. `text` may have failed; it is empty afterwards.
 */
struct sri_text;
int sri_write_result(struct sri_text *text, const char *path, const char *option);

/* First of all: a closed pipe, a full disk and a limit of file sizes are errors of a write, and a closed stream stays one. */
void sri_signals_begin(void);
/* In a child that becomes another program: as the command found them. */
void sri_signals_restore(void);

/*
 * From here on SIGINT, SIGTERM and SIGHUP are noted, for workers too, and a second one ends the command. With `pass` each one is
 * given to that, in the handler, and none ends the command; one from a terminal went to all its processes.
 */
int sri_interrupt_watch(void (*pass)(int number, bool from_terminal));
/* The signal, or 0. */
int sri_interrupted(void);
bool sri_is_stopped(void);
/* `code`, or 128 and the signal's number where nothing else is to be told. */
int sri_interrupted_code(int code);

/* A space and the argument, quoted for a shell where it has to be. */
void sri_add_argument(struct sri_text *text, const char *argument);
/*
 * "safer-ring VERB" and the arguments as they were, without the options of a NULL-terminated list and their values; "?--x" is one
 * whose value may be left out.
 */
void sri_go_on(struct sri_text *text, const char *verb, int count, const char *const *line,
               const char *const *without);

#endif
