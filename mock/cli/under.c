/*
 * `safer-ring run`: a program that knows nothing of this one, on the engine.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/under.h"

static int run(int count, char **arguments)
{
    struct sri_under under;
    struct sri_under_outcome outcome;
    uint64_t failed = 0;
    int first_code = SRI_EXIT_FINE;
    int rc = sri_under_read(&under, count, arguments);
    if (rc == 0)
        rc = sri_under_watch();
    if (rc != 0)
        return rc;
    for (uint64_t seed = under.first; seed <= under.last; seed++) {
        rc = sri_under_run(&under, seed, &outcome);
        if (rc != 0)
            return rc;
        int code = sri_under_report(&under, seed, &outcome);
        /* Of several runs the first that failed is drawn, or else the last. */
        if (first_code == SRI_EXIT_FINE && sri_under_drawing_write(&under, seed, &outcome) != 0)
            code = SRI_EXIT_USAGE;
        bool served = outcome.sum.rings > 0;
        bool cut = sri_is_stopped() && code != SRI_EXIT_FINE && under.last > under.first;
        rc = under.json != NULL && !cut ? sri_under_write_json(&under, seed, &outcome) : 0;
        sri_under_outcome_fini(&outcome);
        if (rc != 0)
            return rc;
        if (cut || (sri_is_stopped() && seed < under.last)) {
            sri_under_tell_rest(&under, seed + (cut ? 0 : 1), failed);
            return sri_interrupted_code(first_code);
        }
        failed += code != SRI_EXIT_FINE;
        if (first_code == SRI_EXIT_FINE)
            first_code = code;
        if (!served && code != SRI_EXIT_FINE)
            break;
    }
    if (under.last > under.first)
        fprintf(stderr, "safer-ring: seeds %" PRIu64 "..%" PRIu64 ": %" PRIu64 " of them failed\n",
                under.first, under.last, failed);
    return first_code;
}

static const char help[] =
    "usage: safer-ring run [options] -- PROGRAM ARGUMENTS\n"
    "\n"
    "Runs a program that uses liburing, unmodified, on the engine over this machine's own descriptors. The closing report\n"
    "counts what the engine served and names what the program did wrong (docs/run.md).\n"
    "\n"
    "  --seed N, --seeds A..B  things go wrong, by a seed; each of A to B in turn (default: nothing goes wrong)\n"
    "  --policy NAME|FILE      what goes wrong: gentle, reads (default), network, disk, cruel, or a file\n"
    "  --faults LIST           only these points, POINT or POINT=PER_1024 with commas\n"
    "  --tape FILE             the choices of a tape in place of a seed's; --save-tape FILE keeps this run's\n"
    "  --trap                  catches system calls from below too: programs without liburing, or with it linked inside\n"
    "  --suppress FILE         findings not to be told, a name and a text in each line\n"
    "  --no-detect             counts only\n"
    "  --stall-ms N            how long a wait may last that nothing can end (default 1000)\n"
    "  --trace FILE            the timeline of the run as text; --html FILE as a page: who has what at each step; of several\n"
    "                          seeds' runs the first that failed, else the last\n"
    "  --json FILE             the counts as JSON, a line per run\n"
    "  --quiet                 no report of a run without fault\n"
    "\n"
    "  safer-ring run -- ./my_program its arguments\n"
    "  safer-ring run --seeds 1..100 --policy disk --quiet -- ./my_program its arguments\n"
    "  safer-ring run --faults result/short=512 --seed 7 -- ./my_program its arguments\n"
    "\n"
    "Exit code: the program's; 1 when it ended with 0 and there are findings, 2 when it opened no ring here or what was asked\n"
    "for can't be written, 124 when it was ended since its wait could not end, 128 and the signal's number when a signal ended\n"
    "it. A series that is interrupted (SIGINT, SIGTERM) says which seeds are left.\n";

const struct sri_verb sri_verb_run = {
    .name = "run",
    .summary = "a program that uses liburing, unmodified, on the engine",
    .help = help,
    .run = run,
};
