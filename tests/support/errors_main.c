/*
 * safer-ring-errors CASE: something that people meet goes wrong here, and what the library says of it is printed; docs/errors.md
 * is held against that. Or with a program behind the case: that is run where it goes wrong. 77: it can't go wrong here.
 */
#define SR_NO_OWNERSHIP_ANALYSIS /* most of these are what it forbids */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "safer_ring.h"
#include "safer_ring/sim.h"

#define SKIPPED 77

static void print_line(enum sr_log_level level, const char *text, void *user)
{
    (void)user;
    (void)level;
    printf("log: %s\n", text);
}

static void print_code(const char *call, int rc)
{
    printf("%s: %s: %s\n", call, sr_err_name(rc), sr_strerror(rc));
}

/* ---- io_uring refused ---- */

/* Makes io_uring_setup answer -error for the rest of this process, and of what it becomes. */
static void refuse_io_uring(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        exit(SKIPPED);
}

static void ring_by_name(const char *name)
{
    struct sr_config config = sr_config_default();
    struct sr_ring *ring = NULL;
    config.entries = 4;
    config.backend_name = name;
    int rc = sr_ring_open_config(&ring, &config);
    if (rc == 0) {
        printf("%s, because: %s\n", sr_ring_backend(ring), sr_ring_backend_reason(ring));
        rc = sr_ring_close(&ring);
    }
    print_code("sr_ring_open_config", rc);
}

static void refused_rings(void)
{
    ring_by_name("auto");
    ring_by_name("uring");
}

/* This machine's own sysctl stays as it is: another file is shown in its place to this process. */
static void pretend_sysctl(const char *value)
{
    static const char path[] = "/proc/sys/kernel/io_uring_disabled";
    char name[] = "/tmp/safer-ring-errors-XXXXXX";
    int fd = mkstemp(name);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        exit(SKIPPED);
    close(fd);
    int rc = unshare(CLONE_NEWNS);
    if (rc == 0)
        rc = mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (rc == 0)
        rc = mount(name, path, NULL, MS_BIND, NULL);
    unlink(name);
    if (rc != 0)
        exit(SKIPPED);
}

static void filter_eperm(void)
{
    refuse_io_uring(EPERM);
}

static void filter_enosys(void)
{
    refuse_io_uring(ENOSYS);
}

static void filter_enomem(void)
{
    refuse_io_uring(ENOMEM);
}

static void sysctl_1(void)
{
    pretend_sysctl("1\n");
    refuse_io_uring(EPERM);
}

static void sysctl_2(void)
{
    pretend_sysctl("2\n");
    refuse_io_uring(EPERM);
}

/* ---- Limits, and old kernels ---- */

/* So much may be locked, and nobody here is root. */
static void limit_locked(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
        exit(SKIPPED);
}

static void no_memlock(void)
{
    limit_locked(0);
}

/* Enough for a ring. */
static void little_memlock(void)
{
    limit_locked(1 << 18);
}

static void register_pool(void)
{
    struct sr_config config = sr_config_default();
    struct sr_ring *ring = NULL;
    struct sr_pool *pool = NULL;
    config.entries = 4;
    config.backend_name = "uring";
    int rc = sr_ring_open_config(&ring, &config);
    if (rc != 0)
        exit(SKIPPED);
    rc = sr_pool_new(&pool, 256, 4096, 0);
    if (rc == 0)
        rc = sr_pool_register(pool, ring);
    print_code("sr_pool_register", rc);
    (void)!sr_pool_free(&pool, NULL);
    (void)!sr_ring_close(&ring);
}

/* A kernel without one of the features that the library needs. */
static void old_kernel(void)
{
    struct sr_sim_options options = sr_sim_options_default();
    struct sr_sim *sim = NULL;
    struct sr_ring *ring = NULL;
    options.hidden_features = IORING_FEAT_EXT_ARG;
    if (sr_sim_new(&sim, &options) != 0)
        exit(1);
    print_code("sr_sim_ring_open", sr_sim_ring_open(sim, &ring, 4));
    sr_sim_free(&sim);
}

/* One without the setup flags that make a ring fast. */
static void older_kernel(void)
{
    struct sr_sim_options options = sr_sim_options_default();
    struct sr_sim *sim = NULL;
    struct sr_ring *ring = NULL;
    options.hidden_setup_flags =
        IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL;
    if (sr_sim_new(&sim, &options) != 0)
        exit(1);
    int rc = sr_sim_ring_open(sim, &ring, 4);
    print_code("sr_sim_ring_open", rc);
    if (rc == 0)
        print_code("sr_ring_close", sr_ring_close(&ring));
    sr_sim_free(&sim);
}

/* ---- Mistakes ---- */

static struct sr_ring *own_ring;

static void *use_elsewhere(void *unused)
{
    struct sr_op op;
    (void)unused;
    print_code("sr_nop", sr_nop(own_ring, &op));
    return NULL;
}

static void wrong_thread(void)
{
    pthread_t thread;
    if (sr_ring_open(&own_ring, 4) != 0 || pthread_create(&thread, NULL, use_elsewhere, NULL) != 0)
        exit(1);
    pthread_join(thread, NULL);
    (void)!sr_ring_close(&own_ring);
}

static void wrong_process(void)
{
    if (sr_ring_open(&own_ring, 4) != 0)
        exit(1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        use_elsewhere(NULL);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    (void)!sr_ring_close(&own_ring);
}

/* The panic prints on standard error and aborts. */
static void forgotten_await(void)
{
    struct sr_op op;
    if (sr_ring_open(&own_ring, 4) != 0 || sr_nop(own_ring, &op) != 0)
        exit(1);
    fflush(stdout);
    (void)!sr_ring_close(&own_ring);
}

/* Nobody has it any more: what leak checkers are for. */
static void forgotten_close(void)
{
    struct sr_config config = sr_config_default();
    config.backend_name = "engine";
    struct sr_ring *lost = NULL;
    int rc = sr_ring_open_config(&lost, &config);
    print_code("sr_ring_open_config", rc);
    lost = NULL;
}

/* ---- */

static const struct {
    const char *name;
    void (*surroundings)(void);
    void (*act)(void);
} cases[] = {
    {"seccomp-eperm", filter_eperm, refused_rings}, {"seccomp-enosys", filter_enosys, refused_rings},
    {"setup-enomem", filter_enomem, refused_rings}, {"sysctl-1", sysctl_1, refused_rings},
    {"sysctl-2", sysctl_2, refused_rings},          {"memlock-0", no_memlock, refused_rings},
    {"memlock", little_memlock, register_pool},     {"too-old-kernel", NULL, old_kernel},
    {"older-kernel", NULL, older_kernel},           {"wrong-thread", NULL, wrong_thread},
    {"wrong-process", NULL, wrong_process},         {"forgotten-await", NULL, forgotten_await},
    {"forgotten-close", NULL, forgotten_close},
};

int main(int argc, char **argv)
{
    sr_set_log(print_line, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0)
            puts(cases[i].name);
        if (argc < 2 || strcmp(argv[1], cases[i].name) != 0)
            continue;
        if (cases[i].surroundings != NULL)
            cases[i].surroundings();
        if (argc > 2) {
            execvp(argv[2], argv + 2);
            return 127;
        }
        cases[i].act();
        return 0;
    }
    return argc == 2 && strcmp(argv[1], "--list") == 0 ? 0 : 2;
}
