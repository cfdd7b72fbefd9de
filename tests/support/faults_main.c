/*
 * safer-ring-faults: writes docs/faults.md, from the catalogue of fault points, to standard output. With an argument, the path
 * of a document, it compares instead: 0 when the document is current, 1 when it is not.
 */
#include <stdio.h>
#include <string.h>

#include "fate/points.h"

static const char head[] =
    "# Fault points\n"
    "\n"
    "Written by `safer-ring-faults` from `mock/fate/points.def`; do not edit. To renew it: `safer-ring-faults >\n"
    "docs/faults.md`.\n"
    "\n"
    "What the simulated kernel may do to a program, and when. Each point stands for one thing that a true kernel is free to do;\n"
    "the library itself has none in any build: what can fail inside it is an allocation (`sr_set_allocator`) or its kernel, and both\n"
    "are replaced at run time. A point is *reached* when its question is asked, and *fires* when the answer is its own; `safer-ring\n"
    "check` counts both.\n"
    "\n"
    "By default a point strikes as the run's tape says; a gentle run lets it strike so often of 1024 as the last column says, the\n"
    "other kinds of run weigh for themselves. Each is a point of libfiu as well:\n"
    "\n"
    "```\n"
    "fiu-run -c 'enable name=safer_ring/result/errno,failinfo=5' ./test     every operation that can fails with EIO\n"
    "fiu-run -c 'enable_random name=safer_ring/enter/*,probability=0.1' ./test\n"
    "fiu-ctrl -c 'disable name=safer_ring/result/errno' PID                  in a process that fiu-run has started\n"
    "```\n"
    "\n"
    "and, after `sr_sim_listen_to_libfiu(1)`, `fiu_enable(\"safer_ring/result/short\", 2, NULL, 0)`. Where a point has several\n"
    "answers, failnum is which; for `result/errno` failinfo is the errno, if the operation can have it. Whatever struck is on the\n"
    "run's tape, and a replay of the tape asks nobody.\n"
    "\n"
    "| point | what happens | answers | of 1024 |\n"
    "|---|---|---|---|\n";

static void write_document(FILE *out)
{
    fputs(head, out);
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        const struct sri_point_info *info = &sri_point_infos[i];
        fprintf(out, "| `%s` | %s | %s | %u |\n", info->name, info->text,
                info->answer == SRI_ANY_ANSWER ? "several" : "one", (unsigned)info->gentle_per_1024);
    }
    fprintf(out, "\n%u points; a tape file names their hash, `%016llx`.\n", (unsigned)SRI_POINTS,
            (unsigned long long)sri_points_hash());
}

/* The first line in which the two differ, counted from 1; 0: none. */
static unsigned first_difference(FILE *document, FILE *current)
{
    unsigned line = 1;
    for (;;) {
        int a = getc(document);
        int b = getc(current);
        if (a != b)
            return line;
        if (a == EOF)
            return 0;
        line += a == '\n';
    }
}

static int compare(const char *path)
{
    FILE *document = fopen(path, "r");
    FILE *current = tmpfile();
    if (document == NULL || current == NULL) {
        perror(path);
        return 1;
    }
    write_document(current);
    rewind(current);
    unsigned line = first_difference(document, current);
    fclose(document);
    fclose(current);
    if (line != 0)
        fprintf(stderr, "%s:%u: not what the catalogue says now; renew it: safer-ring-faults > %s\n", path,
                line, path);
    return line != 0;
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        fprintf(stderr, "usage: safer-ring-faults [DOCUMENT]\n");
        return 2;
    }
    if (argc == 2)
        return compare(argv[1]);
    write_document(stdout);
    return ferror(stdout) != 0;
}
