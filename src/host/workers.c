/*
 * A few threads for what may block. None is started before it is needed; one more whenever a job would have to wait
 * and fewer than WORKERS_MAX exist. It must never take the world's lock.
 */
#include "host/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/alloc.h"

/* Jobs may block on one another (both ends of a FIFO being opened), so this is a bound against excess, not a tuning. */
#define WORKERS_MAX 32

struct sri_workers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t ended; /* somebody awaits one of those that run */
    uint32_t awaiting;
    struct sri_node queued;
    struct sri_node running;
    struct sri_node finished;
    void (*report)(void *self);
    void *self;
    uint32_t queued_count;
    uint32_t idle;
    uint32_t count;
    bool stopping;
    pthread_t threads[WORKERS_MAX];
};

static struct sri_job *first_job(struct sri_node *head)
{
    struct sri_node *node = head->next;
    sri_list_remove(node);
    return SRI_CONTAINER_OF(node, struct sri_job, node);
}

static void finish(struct sri_workers *workers, struct sri_job *job, int64_t result)
{
    job->result = result;
    job->ended = true;
    sri_list_remove(&job->node);
    sri_list_append(&workers->finished, &job->node);
    if (workers->awaiting != 0)
        pthread_cond_broadcast(&workers->ended);
}

int sri_workers_new(struct sri_workers **out, void (*finished)(void *self), void *self)
{
    struct sri_workers *workers = sri_alloc_zero(1, sizeof *workers);
    if (workers == NULL)
        return -ENOMEM;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, NULL);
    pthread_condattr_t steady; /* whatever somebody does to the calendar meanwhile */
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->ended, &steady);
    pthread_condattr_destroy(&steady);
    sri_list_init(&workers->queued);
    sri_list_init(&workers->running);
    sri_list_init(&workers->finished);
    workers->report = finished;
    workers->self = self;
    *out = workers;
    return 0;
}

/* A job may be left by thread cancellation, which glibc keeps apart from the program's signals. Nothing is held then. */
static int64_t run_endable(struct sri_job *job)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    int64_t result = job->run(job);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return result;
}

static void run_one(struct sri_workers *workers)
{
    struct sri_job *job = first_job(&workers->queued);
    workers->queued_count--;
    job->begun = true;
    sri_list_append(&workers->running, &job->node);
    pthread_mutex_unlock(&workers->lock);

    int64_t result = run_endable(job);

    pthread_mutex_lock(&workers->lock);
    finish(workers, job, result);
    pthread_mutex_unlock(&workers->lock);
    workers->report(workers->self);
    pthread_mutex_lock(&workers->lock);
}

static void *worker(void *argument)
{
    struct sri_workers *workers = argument;
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
    pthread_mutex_lock(&workers->lock);
    while (!workers->stopping) {
        if (!sri_list_empty(&workers->queued)) {
            run_one(workers);
            continue;
        }
        workers->idle++;
        pthread_cond_wait(&workers->work, &workers->lock);
        workers->idle--;
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

static int start_thread(struct sri_workers *workers)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* what a filter asks by it must be answered */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&workers->threads[workers->count], NULL, worker, workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        workers->count++;
    return rc;
}

int sri_workers_add(struct sri_workers *workers, struct sri_job *job)
{
    int rc = 0;
    job->begun = false;
    job->ended = false;
    pthread_mutex_lock(&workers->lock);
    if (workers->queued_count >= workers->idle && workers->count < WORKERS_MAX &&
        start_thread(workers) != 0 && workers->count == 0)
        rc = -EAGAIN;
    if (rc == 0) {
        sri_list_append(&workers->queued, &job->node);
        workers->queued_count++;
        pthread_cond_signal(&workers->work);
    }
    pthread_mutex_unlock(&workers->lock);
    return rc;
}

bool sri_workers_withdraw(struct sri_workers *workers, struct sri_job *job)
{
    pthread_mutex_lock(&workers->lock);
    bool ours = !job->begun;
    if (ours) {
        sri_list_remove(&job->node);
        workers->queued_count--;
    }
    pthread_mutex_unlock(&workers->lock);
    return ours;
}

bool sri_workers_await(struct sri_workers *workers, struct sri_job *job, uint32_t most_ms)
{
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t nanoseconds = (uint64_t)until.tv_nsec + (uint64_t)most_ms * 1000000;
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    pthread_mutex_lock(&workers->lock);
    workers->awaiting++;
    while (!job->ended && rc == 0)
        rc = pthread_cond_timedwait(&workers->ended, &workers->lock, &until);
    workers->awaiting--;
    bool ended = job->ended;
    if (ended)
        sri_list_remove(&job->node);
    pthread_mutex_unlock(&workers->lock);
    return ended;
}

struct sri_job *sri_workers_take(struct sri_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    struct sri_job *job = sri_list_empty(&workers->finished) ? NULL : first_job(&workers->finished);
    pthread_mutex_unlock(&workers->lock);
    return job;
}

static void join_all(struct sri_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->work);
    pthread_mutex_unlock(&workers->lock);
    for (uint32_t i = 0; i < workers->count; i++)
        pthread_cancel(workers->threads[i]);
    for (uint32_t i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    workers->count = 0;
    workers->stopping = false;
}

void sri_workers_stop(struct sri_workers *workers)
{
    join_all(workers);
    pthread_mutex_lock(&workers->lock);
    while (!sri_list_empty(&workers->running))
        finish(workers, SRI_CONTAINER_OF(workers->running.next, struct sri_job, node), -EINTR);
    while (!sri_list_empty(&workers->queued))
        finish(workers, SRI_CONTAINER_OF(workers->queued.next, struct sri_job, node), -EINTR);
    workers->queued_count = 0;
    pthread_mutex_unlock(&workers->lock);
}

void sri_workers_free(struct sri_workers *workers)
{
    if (workers == NULL)
        return;
    join_all(workers);
    pthread_cond_destroy(&workers->work);
    pthread_cond_destroy(&workers->ended);
    pthread_mutex_destroy(&workers->lock);
    sri_free(workers);
}

uint32_t sri_workers_count(struct sri_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    uint32_t count = workers->count;
    pthread_mutex_unlock(&workers->lock);
    return count;
}
