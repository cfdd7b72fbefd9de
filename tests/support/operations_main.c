/*
 * safer-ring-operations: writes docs/operations.md, what the engine knows, from its table of opcodes and from asking both
 * worlds, to standard output. With an argument, the path of a document, it compares instead: 0 when the document is
 * current, 1 when it is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/engine_backend.h"
#include "engine/opcode.h"
#include "safer_ring/sim.h"

static const struct {
    const char *name;
    uint32_t flag;
    uint32_t with; /* what it makes no sense without */
} setups[] = {
    {"IOPOLL", IORING_SETUP_IOPOLL, 0},
    {"SQPOLL", IORING_SETUP_SQPOLL, 0},
    {"SQ_AFF", IORING_SETUP_SQ_AFF, IORING_SETUP_SQPOLL},
    {"CQSIZE", IORING_SETUP_CQSIZE, 0},
    {"CLAMP", IORING_SETUP_CLAMP, 0},
    {"R_DISABLED", IORING_SETUP_R_DISABLED, 0},
    {"SUBMIT_ALL", IORING_SETUP_SUBMIT_ALL, 0},
    {"COOP_TASKRUN", IORING_SETUP_COOP_TASKRUN, 0},
    {"TASKRUN_FLAG", IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_COOP_TASKRUN},
    {"SQE128", IORING_SETUP_SQE128, 0},
    {"CQE32", IORING_SETUP_CQE32, 0},
    {"SINGLE_ISSUER", IORING_SETUP_SINGLE_ISSUER, 0},
    {"DEFER_TASKRUN", IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER},
};

static const struct {
    const char *name;
    unsigned trait;
} traits[] = {
    {"may move fewer bytes", SRI_TRAIT_SHORT},
    {"a short one breaks a link", SRI_TRAIT_SHORT_BREAKS},
    {"takes provided buffers", SRI_TRAIT_SELECT},
};

static void write_traits(FILE *out, const struct sri_opcode *opcode)
{
    const char *between = "";
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++) {
        if (!(opcode->traits & traits[i].trait))
            continue;
        fprintf(out, "%s%s", between, traits[i].name);
        between = "; ";
    }
}

static void write_errnos(FILE *out, const struct sri_opcode *opcode)
{
    for (unsigned i = 0; i < opcode->errno_count; i++)
        fprintf(out, "%s`%s`", i > 0 ? " " : "", strerrorname_np(opcode->errnos[i]));
}

static void write_opcodes(FILE *out)
{
    fprintf(
        out,
        "\n## Operations\n\n| opcode | known | of it | errnos that bad luck may give |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < IORING_OP_LAST; i++) {
        const struct sri_opcode *opcode = &sri_opcodes[i];
        fprintf(out, "| `%s` | %s | ", opcode->name, opcode->prepare != NULL ? "yes" : "no: `EINVAL`");
        write_traits(out, opcode);
        fprintf(out, " | ");
        write_errnos(out, opcode);
        fprintf(out, " |\n");
    }
}

/* What a kernel says to a ring with these flags. */
static const char *ask(const struct sr_backend *backend, uint32_t flags)
{
    struct io_uring_params params = {.flags = flags};
    if (flags & IORING_SETUP_CQSIZE)
        params.cq_entries = 16;
    int ring = backend->vtable->setup(backend->self, 4, &params);
    if (ring < 0)
        return strerrorname_np(-ring);
    backend->vtable->close(backend->self, ring);
    return "yes";
}

static void write_setups(FILE *out, const struct sr_backend *sim, const struct sr_backend *host)
{
    fprintf(out, "\n## Setup flags\n\nAs the two worlds answered when they were asked.\n\n"
                 "| flag | simulated world | host world |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        uint32_t flags = setups[i].flag | setups[i].with;
        fprintf(out, "| `%s` | %s |", setups[i].name, ask(sim, flags));
        fprintf(out, " %s |\n", ask(host, flags));
    }
}

static int write_document(FILE *out)
{
    struct sr_sim *sim;
    struct sr_backend host;
    if (sr_sim_new(&sim, NULL) != 0 || sri_engine_host_backend(&host) != 0)
        return 1;
    struct sr_backend simulated = sr_sim_backend(sim);
    fprintf(
        out,
        "# Operations\n\n"
        "Written by `safer-ring-operations` from the engine's table of opcodes (`src/engine/opcode.c`) and by asking\n"
        "both worlds; do not edit. To renew it: `safer-ring-operations > docs/operations.md`. What each does is in\n"
        "[simulator.md](simulator.md); that it does as the true kernel, in the table of `ci/conformance`.\n");
    write_opcodes(out);
    write_setups(out, &simulated, &host);
    sr_sim_free(&sim);
    host.vtable->release(host.self);
    return fflush(out) == 0 ? 0 : 1;
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
    int rc = write_document(current);
    rewind(current);
    unsigned line = first_difference(document, current);
    fclose(document);
    fclose(current);
    if (line != 0)
        fprintf(stderr, "%s:%u: not what the engine says now; renew it: safer-ring-operations > %s\n", path,
                line, path);
    return rc != 0 || line != 0;
}

int main(int argc, char **argv)
{
    return argc == 2 ? compare(argv[1]) : write_document(stdout);
}
