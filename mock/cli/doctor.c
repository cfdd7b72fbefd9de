/*
 * `safer-ring doctor`: what this machine's io_uring can do, and which backend a ring would get, and why.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "backend/detect.h"
#include "backend/uring.h"
#include "cli/cli.h"
#include "engine/engine.h"

static const struct {
    uint32_t bit;
    const char *name;
} features[] = {
    {IORING_FEAT_SINGLE_MMAP, "SINGLE_MMAP"},
    {IORING_FEAT_NODROP, "NODROP"},
    {IORING_FEAT_SUBMIT_STABLE, "SUBMIT_STABLE"},
    {IORING_FEAT_RW_CUR_POS, "RW_CUR_POS"},
    {IORING_FEAT_FAST_POLL, "FAST_POLL"},
    {IORING_FEAT_EXT_ARG, "EXT_ARG"},
    {IORING_FEAT_NATIVE_WORKERS, "NATIVE_WORKERS"},
    {IORING_FEAT_RSRC_TAGS, "RSRC_TAGS"},
    {IORING_FEAT_CQE_SKIP, "CQE_SKIP"},
    {IORING_FEAT_LINKED_FILE, "LINKED_FILE"},
};

/* What the library's operations need. */
static const uint8_t needed[] = {
    IORING_OP_NOP,     IORING_OP_READ,         IORING_OP_WRITE,        IORING_OP_READV,
    IORING_OP_WRITEV,  IORING_OP_SEND,         IORING_OP_RECV,         IORING_OP_ACCEPT,
    IORING_OP_CONNECT, IORING_OP_FSYNC,        IORING_OP_OPENAT,       IORING_OP_CLOSE,
    IORING_OP_TIMEOUT, IORING_OP_LINK_TIMEOUT, IORING_OP_ASYNC_CANCEL, IORING_OP_MSG_RING,
};

static void print_file(const char *label, const char *path)
{
    char line[64] = "";
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file) != NULL)
        printf("%-14s %.*s\n", label, (int)strcspn(line, "\n"), line);
    fclose(file);
}

static void print_features(uint32_t bits)
{
    printf("%-14s", "features");
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if ((bits & features[i].bit) != 0)
            printf(" %s", features[i].name);
    printf(" (%#x)\n", bits);
}

static void print_opcodes(const struct sr_backend *backend, int ring)
{
    static union {
        struct io_uring_probe probe;
        char room[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)];
    } answer;
    memset(&answer, 0, sizeof answer);
    int rc = backend->vtable->register_(backend->self, ring, IORING_REGISTER_PROBE, &answer, 256);
    if (rc < 0) {
        printf("%-14s can't be asked: %s\n", "opcodes", strerror(-rc));
        return;
    }
    printf("%-14s %u known\n", "opcodes", answer.probe.last_op + 1u);
    for (size_t i = 0; i < sizeof needed; i++) {
        bool there = needed[i] <= answer.probe.last_op &&
                     (answer.probe.ops[needed[i]].flags & IO_URING_OP_SUPPORTED) != 0;
        if (!there)
            printf("%-14s %s\n", "missing", sri_opcode_name(needed[i]));
    }
}

static void try_setup(const struct sr_backend *backend, const char *label, uint32_t flags)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = flags;
    int ring = backend->vtable->setup(backend->self, 8, &params);
    printf("%-14s %s\n", label, ring >= 0 ? "yes" : strerror(-ring));
    if (ring >= 0)
        backend->vtable->close(backend->self, ring);
}

/* Also for whoever may lock nothing: that is told here, and not by the first program that registers buffers. */
static void try_register(const struct sr_backend *backend, int ring)
{
    static char page[4096] __attribute__((aligned(4096)));
    struct iovec buffer = {page, sizeof page};
    int rc = backend->vtable->register_(backend->self, ring, IORING_REGISTER_BUFFERS, &buffer, 1);
    if (rc == -ENOMEM)
        printf("%-14s refused: %s; raise RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK=), or do without\n",
               "registered", strerror(-rc));
    else
        printf("%-14s %s\n", "registered", rc >= 0 ? "buffers work" : strerror(-rc));
}

static void examine(const struct sr_backend *backend)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    int ring = backend->vtable->setup(backend->self, 8, &params);
    if (ring < 0) {
        printf("%-14s refused: %s\n", "io_uring", strerror(-ring));
        return;
    }
    printf("%-14s works\n", "io_uring");
    print_features(params.features);
    print_opcodes(backend, ring);
    try_register(backend, ring);
    backend->vtable->close(backend->self, ring);
    try_setup(backend, "DEFER_TASKRUN", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    try_setup(backend, "COOP_TASKRUN", IORING_SETUP_COOP_TASKRUN);
    try_setup(backend, "SUBMIT_ALL", IORING_SETUP_SUBMIT_ALL);
}

static void print_choice(void)
{
    struct sr_backend backend;
    struct sri_detection why;
    int rc = sri_backend_detect(NULL, &backend, &why);
    printf("%-14s %s\n", "backend", rc == 0 ? why.chosen : "none");
    printf("%-14s %s\n", "why", why.reason);
    if (rc == 0)
        backend.vtable->release(backend.self);
}

static int run(int count, char **arguments)
{
    if (count != 0)
        return sri_complain("doctor takes no arguments, and got `%s`", arguments[0]);
    struct utsname system;
    if (uname(&system) == 0)
        printf("%-14s %s %s %s\n", "system", system.sysname, system.release, system.machine);
    print_file("sysctl", "/proc/sys/kernel/io_uring_disabled");
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
        if (limit.rlim_cur == RLIM_INFINITY)
            printf("%-14s no limit\n", "locked memory");
        else
            printf("%-14s %llu bytes\n", "locked memory", (unsigned long long)limit.rlim_cur);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        printf("%-14s %llu\n", "descriptors", (unsigned long long)limit.rlim_cur);
    struct sr_backend backend;
    int rc = sri_uring_backend(&backend);
    if (rc != 0)
        return sri_complain("not even the bookkeeping of a kernel can be had: %s", strerror(-rc));
    examine(&backend);
    backend.vtable->release(backend.self);
    print_choice();
    return SRI_EXIT_FINE;
}

const struct sri_verb sri_verb_doctor = {
    .name = "doctor",
    .summary = "what this machine's io_uring can do, and which backend would be chosen",
    .help =
        "usage: safer-ring doctor\n"
        "\n"
        "Features, opcodes and limits of the running kernel's io_uring, or why it is refused; and the backend that a ring would\n"
        "get, with the reason.\n",
    .run = run,
};
