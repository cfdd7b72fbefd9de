/*
 * `safer-ring run`: what its files share.
 */
#ifndef SRI_CLI_UNDER_H
#define SRI_CLI_UNDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/shared.h"

#define SRI_UNDER_PATH 256

/* What the command line asks for. */
struct sri_under {
    bool seeded;
    bool quiet;
    bool detects;
    bool traps;
    uint64_t first;
    uint64_t last;
    uint64_t stall_ms;
    const char *policy;   /* a preset's name or a file; NULL: reads */
    const char *faults;   /* NULL: as the policy says */
    const char *suppress; /* a file, or NULL */
    const char *tape;     /* a file to replay, or NULL */
    const char *save_tape;
    const char *json;
    const char *trace; /* a file for the timeline, as text */
    const char *html;  /* … and as a page */
    char **program;    /* with its arguments and a NULL */
    char *policy_text;
    int option_count; /* the command line as far as the program's */
    const char *const *options;
};

/* What one run came to. */
struct sri_under_outcome {
    int status; /* of waitpid(2) */
    uint32_t processes;
    struct sri_run_page sum;
    bool unfinished; /* some process ended without coming to its end */
    char *findings;  /* text, or NULL */
    char *pending;   /* findings of a program that ended in failure, or NULL */
    struct sri_under_process *drawn;
    uint32_t drawn_count;
};

/* under_options.c: 0, or SRI_EXIT_USAGE after the one line. */
int sri_under_read(struct sri_under *under, int count, char **arguments);

/* under_child.c: from here on what interrupts this process reaches the program, and then ends the series of runs. */
int sri_under_watch(void);

/* under_child.c: runs the program once, in a folder of its own that is gone afterwards. 0, or SRI_EXIT_USAGE. */
int sri_under_run(const struct sri_under *under, uint64_t seed, struct sri_under_outcome *outcome);
void sri_under_outcome_fini(struct sri_under_outcome *outcome);

/* under_drawing.c: the steps of a run's processes, kept while the folder is there, and written as --trace and --html want. */
void sri_under_drawing_keep(struct sri_under_outcome *outcome, const char *path);
int sri_under_drawing_write(const struct sri_under *under, uint64_t seed,
                            const struct sri_under_outcome *outcome);
void sri_under_drawing_fini(struct sri_under_outcome *outcome);

/* under_folder.c: the folder of a run. */
int sri_under_folder_make(const struct sri_under *under, uint64_t seed, char *folder);
int sri_under_folder_read(const char *folder, const struct sri_under *under,
                          struct sri_under_outcome *outcome);
void sri_under_folder_remove(const char *folder);
/* A file's content with a zero behind it, or NULL. */
char *sri_under_read_file(const char *path, size_t *length);

/* under_report.c: the closing report of a run, on standard error; an exit code. */
int sri_under_report(const struct sri_under *under, uint64_t seed, const struct sri_under_outcome *outcome);

/* under_report.c: a line with the counts, where it was asked for. 0, or SRI_EXIT_USAGE. */
int sri_under_write_json(const struct sri_under *under, uint64_t seed,
                         const struct sri_under_outcome *outcome);

/* under_report.c: the line about a series that was interrupted before `next` was through. */
void sri_under_tell_rest(const struct sri_under *under, uint64_t next, uint64_t failed);

/* under_why.c: why a program's rings were not ours, as far as its file tells. */
void sri_under_tell_why(const char *program, uint32_t processes);

#endif
