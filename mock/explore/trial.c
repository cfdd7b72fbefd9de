/*
 * A worker that is sent one tape after the other through shared memory, and replaced when it dies or does not come back.
 */
#define _GNU_SOURCE
#include "explore/trial.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "explore/worker.h"

#define PATIENCE_MS 10000

/* What both processes see. */
struct desk {
    struct sri_verdict verdict;
    uint64_t seed;
    uint64_t hash;
    size_t given; /* bytes of the tape */
    size_t taken; /* bytes of the body that the run took */
    bool by_seed;
    uint8_t bytes[];
};

struct sri_trial {
    const struct sri_backend_choice *backend;
    const struct sri_scenario *scenario;
    const char *folder;
    struct desk *desk;
    size_t desk_size;
    size_t most;
    pid_t worker; /* 0: none */
    int go;       /* to it */
    int done;     /* from it */
};

/* ---- In the worker ---- */

static void leave(void *user)
{
    (void)user;
    _exit(1);
}

static int make_rig(struct sri_trial *trial, struct sri_rig **rig)
{
    static struct sri_kernel kernel;
    int rc = trial->backend->simulated ? 0 : trial->backend->make(&kernel);
    if (rc == 0)
        rc = sri_rig_new(rig, trial->backend->simulated ? NULL : &kernel, trial->folder,
                         &trial->desk->verdict);
    if (rc == 0)
        (*rig)->watch->on_stuck = leave;
    return rc;
}

static void run_once(struct sri_trial *trial, struct sri_rig *rig)
{
    struct desk *desk = trial->desk;
    struct sri_run run = {.scenario = trial->scenario,
                          .seed = desk->seed,
                          .body = desk->bytes,
                          .size = desk->given,
                          .by_body = !desk->by_seed};
    desk->hash = sri_rig_run(rig, &run).hash;
    desk->taken = 0;
    if (sri_rig_keep_body(rig) == 0 && rig->body_size <= trial->most) {
        memcpy(desk->bytes, rig->body, rig->body_size);
        desk->taken = rig->body_size;
    }
}

static void work(struct sri_trial *trial, int go, int done)
{
    struct sri_rig *rig = NULL;
    char word;
    if (make_rig(trial, &rig) != 0)
        return;
    while (read(go, &word, 1) == 1) {
        run_once(trial, rig);
        if (write(done, &word, 1) != 1)
            return;
    }
}

/* ---- In the process that asks ---- */

static int send_worker(struct sri_trial *trial)
{
    int go[2];
    int done[2];
    if (pipe(go) != 0)
        return -errno;
    if (pipe(done) != 0) {
        close(go[0]);
        close(go[1]);
        return -EMFILE;
    }
    pid_t self = getpid();
    trial->worker = fork();
    if (trial->worker == 0) {
        sri_worker_begin(self);
        close(go[1]);
        close(done[0]);
        work(trial, go[0], done[1]);
        _exit(0);
    }
    close(go[0]);
    close(done[1]);
    trial->go = go[1];
    trial->done = done[0];
    return trial->worker > 0 ? 0 : -EAGAIN;
}

static void end_worker(struct sri_trial *trial)
{
    if (trial->worker <= 0)
        return;
    close(trial->go);
    close(trial->done);
    kill(trial->worker, SIGKILL);
    while (waitpid(trial->worker, NULL, 0) < 0 && errno == EINTR)
        continue;
    trial->worker = 0;
}

int sri_trial_new(struct sri_trial **out, const struct sri_backend_choice *backend,
                  const struct sri_scenario *scenario, const char *folder, size_t most)
{
    struct sri_trial *trial = sri_alloc_zero(1, sizeof *trial);
    if (trial == NULL)
        return -ENOMEM;
    *trial = (struct sri_trial){.backend = backend, .scenario = scenario, .folder = folder, .most = most};
    trial->desk_size = sizeof *trial->desk + most;
    trial->desk = mmap(NULL, trial->desk_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trial->desk == MAP_FAILED) {
        sri_free(trial);
        return -ENOMEM;
    }
    *out = trial;
    return 0;
}

void sri_trial_free(struct sri_trial **handle)
{
    struct sri_trial *trial = *handle;
    if (trial == NULL)
        return;
    *handle = NULL;
    end_worker(trial);
    munmap(trial->desk, trial->desk_size);
    sri_free(trial);
}

/* As poll(2). Whoever is told to stop is so between two runs. */
static int answer_of(int fd)
{
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    int rc;
    do
        rc = poll(&answer, 1, PATIENCE_MS);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* true: the worker has made the run. */
static bool ask(struct sri_trial *trial, bool *late)
{
    char word = 'r';
    if (trial->worker <= 0 && send_worker(trial) != 0)
        return false;
    struct sigaction quiet = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGPIPE, &quiet, &before);
    bool sent = write(trial->go, &word, 1) == 1;
    sigaction(SIGPIPE, &before, NULL);
    int answers = sent ? answer_of(trial->done) : -1;
    *late = answers == 0;
    return answers == 1 && read(trial->done, &word, 1) == 1;
}

struct sri_tried sri_trial_run(struct sri_trial *trial, const uint8_t *bytes, size_t size, uint64_t seed)
{
    struct desk *desk = trial->desk;
    sri_verdict_begin(&desk->verdict);
    desk->seed = seed;
    desk->by_seed = bytes == NULL;
    desk->given = bytes != NULL && size <= trial->most ? size : 0;
    if (desk->given > 0)
        memcpy(desk->bytes, bytes, desk->given);
    bool late = false;
    bool came = ask(trial, &late);
    if (!came)
        end_worker(trial);
    return (struct sri_tried){.verdict = &desk->verdict,
                              .died = !came,
                              .late = late,
                              .hash = desk->hash,
                              .body = came ? desk->bytes : NULL,
                              .size = came ? desk->taken : 0};
}

/* How many runs that end well take as long. */
#define LIKE_DEAD 200u
#define LIKE_LATE 40000u

bool sri_trial_shows(void *user, const uint8_t *bytes, size_t size)
{
    const struct sri_trial_of_rule *of_rule = user;
    static const uint8_t nothing[1];
    struct sri_tried tried = sri_trial_run(of_rule->trial, bytes != NULL ? bytes : nothing, size, 0);
    if (of_rule->made != NULL && tried.died)
        *of_rule->made += tried.late ? LIKE_LATE : LIKE_DEAD;
    return of_rule->rule == SRI_RULE_CRASH ? tried.died : tried.verdict->broken[of_rule->rule] > 0;
}
