/*
 * The detectors of `safer-ring run` without the command: each test's program runs in a child, with liburing's functions and
 * the watcher linked into it, and leaves its findings in a folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <liburing.h>

#include "run/agent.h"
#include "run/detect.h"
#include "support/main.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#define TEXT 65536

struct watched {
    int code; /* the child's exit code */
    char findings[TEXT];
    char pending[SRI_RUN_PENDING];
};

static struct watched watched;

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void read_findings(const char *folder)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, SRI_RUN_FINDINGS);
    FILE *file = fopen(path, "r");
    size_t length = file != NULL ? fread(watched.findings, 1, TEXT - 1, file) : 0;
    watched.findings[length] = 0;
    if (file != NULL)
        fclose(file);
}

static void watch_with(const char *policy, void (*program)(struct io_uring *ring))
{
    char folder[] = "/tmp/test_detectors.XXXXXX";
    char command[64];
    int status;
    /* Looking for return addresses, the watcher reads words of the stack that nobody has set. */
    if (RUNNING_ON_VALGRIND)
        skip();
    assert_non_null(mkdtemp(folder));
    write_text(folder, SRI_RUN_SETTINGS,
               policy != NULL ? "seed 1\ndetect 1\nstall-ms 20\n" : "detect 1\nstall-ms 20\n");
    write_text(folder, SRI_RUN_POLICY, policy != NULL ? policy : "use gentle\n");
    pid_t child = fork();
    if (child == 0) {
        struct io_uring ring;
        setenv(SRI_RUN_VARIABLE, folder, 1);
        sri_agent_begin();
        if (!sri_agent.on || io_uring_queue_init(8, &ring, 0) != 0)
            _exit(99);
        program(&ring);
        write_text(folder, "pending", sri_agent.page->pending);
        io_uring_queue_exit(&ring);
        sri_agent_finish(0);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    watched.code = WEXITSTATUS(status);
    assert_int_not_equal(watched.code, 99);
    read_findings(folder);
    snprintf(command, sizeof command, "%s/pending", folder);
    FILE *file = fopen(command, "r");
    size_t length = file != NULL ? fread(watched.pending, 1, sizeof watched.pending - 1, file) : 0;
    watched.pending[length] = 0;
    if (file != NULL)
        fclose(file);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void watch(void (*program)(struct io_uring *ring))
{
    watch_with(NULL, program);
}

static void assert_finding(const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "FINDING %s:", name);
    assert_non_null(strstr(watched.findings, line));
}

static void assert_silence(void)
{
    assert_string_equal(watched.findings, "");
    assert_int_equal(watched.code, 0);
}

static struct io_uring_cqe finish_one(struct io_uring *ring)
{
    struct io_uring_cqe *cqe;
    struct io_uring_cqe copy = {0};
    while (io_uring_wait_cqe(ring, &cqe) == -EINTR)
        continue;
    copy.res = cqe->res;
    copy.user_data = cqe->user_data;
    io_uring_cqe_seen(ring, cqe);
    return copy;
}

static char bytes[4096];
static int ends[2];

/* A read of an empty pipe, by this name. */
static void start_read(struct io_uring *ring, const void *name)
{
    if (pipe(ends) != 0)
        _exit(98);
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, ends[0], bytes, 64, 0);
    io_uring_sqe_set_data(sqe, (void *)(uintptr_t)name);
    io_uring_submit(ring);
}

static void end_read(struct io_uring *ring)
{
    if (write(ends[1], "x", 1) != 1)
        _exit(98);
    finish_one(ring);
}

static void released(const void *memory, size_t length)
{
    sri_detect_lock();
    sri_memory_released(memory, length, "free");
    sri_record_released(memory, length, "free");
    sri_detect_unlock();
}

static char record[64];

static void frees_its_record(struct io_uring *ring)
{
    start_read(ring, record + 8);
    released(record, sizeof record);
    end_read(ring);
}

static void frees_its_record_afterwards(struct io_uring *ring)
{
    start_read(ring, record + 8);
    end_read(ring);
    released(record, sizeof record);
}

/* Memory that user_data points into is released before the last completion: found; after it: not. */
static void a_record_is_watched_until_the_end(void **state)
{
    (void)state;
    watch(frees_its_record);
    assert_finding("record-freed");
    watch(frees_its_record_afterwards);
    assert_silence();
}

static void frees_its_buffer(struct io_uring *ring)
{
    start_read(ring, NULL);
    released(bytes, sizeof bytes);
    end_read(ring);
}

/* A buffer that is released in flight is found, and what it is changed to afterwards is nobody's concern. */
static void a_released_buffer_is_told_once(void **state)
{
    (void)state;
    watch(frees_its_buffer);
    assert_finding("freed-in-flight");
    assert_null(strstr(watched.findings, "changed-in-flight"));
}

static void nop(struct io_uring *ring, bool named)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_nop(sqe);
    if (named)
        io_uring_sqe_set_data(sqe, record);
    io_uring_submit(ring);
    struct io_uring_cqe cqe = finish_one(ring);
    if (named && cqe.user_data != (uintptr_t)record)
        _exit(97);
}

static void forgets_a_name(struct io_uring *ring)
{
    for (int i = 0; i < 8; i++)
        nop(ring, true);
    nop(ring, false);
}

static void names_all(struct io_uring *ring)
{
    for (int i = 0; i < 20; i++)
        nop(ring, true);
}

static void names_none(struct io_uring *ring)
{
    for (int i = 0; i < 20; i++)
        nop(ring, false);
}

/* An entry that keeps an older name is found; the same name again, and none at all, are no mistake. */
static void a_name_that_was_not_set_is_found(void **state)
{
    (void)state;
    watch(forgets_a_name);
    assert_finding("user-data-not-set");
    watch(names_all);
    assert_silence();
    watch(names_none);
    assert_silence();
}

static int temporary(void)
{
    char path[] = "/tmp/test_detectors.XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || unlink(path) != 0 || write(fd, bytes, sizeof bytes) != sizeof bytes)
        _exit(98);
    return fd;
}

static void copies_by_a_chain(struct io_uring *ring)
{
    int from = temporary();
    int to = temporary();
    memset(bytes, 7, sizeof bytes);
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, from, bytes, 64, 0);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = io_uring_get_sqe(ring);
    io_uring_prep_write(sqe, to, bytes, 64, 0);
    io_uring_submit(ring);
    finish_one(ring);
    finish_one(ring);
}

static void copies_without_a_chain(struct io_uring *ring)
{
    start_read(ring, NULL);
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_write(sqe, temporary(), bytes, 64, 0);
    io_uring_submit(ring);
    end_read(ring);
    finish_one(ring);
}

/* One buffer for a read and the write behind it in the chain is no overlap; without a chain it is one. */
static void a_chain_passes_memory_on(void **state)
{
    (void)state;
    watch(copies_by_a_chain);
    assert_silence();
    watch(copies_without_a_chain);
    assert_finding("overlapping-loans");
}

static void reads_once(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, temporary(), bytes, sizeof bytes, 0);
    io_uring_submit(ring);
    if (finish_one(ring).res >= (int)sizeof bytes)
        _exit(97);
}

static void reads_all(struct io_uring *ring)
{
    int fd = temporary();
    for (unsigned have = 0; have < sizeof bytes;) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_read(sqe, fd, bytes + have, (unsigned)sizeof bytes - have, have);
        io_uring_submit(ring);
        have += (unsigned)finish_one(ring).res;
    }
}

static void calls_for_the_rest(struct io_uring *ring)
{
    int fd = temporary();
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, bytes, sizeof bytes, 0);
    io_uring_submit(ring);
    finish_one(ring);
    sri_detect_lock();
    sri_short_called(fd, false); /* as its pread(2) does */
    sri_detect_unlock();
}

/* A short read whose rest nobody asks for is found; not where it was, by a submission or a call. */
static void a_short_count_wants_its_rest(void **state)
{
    static const char policy[] = "* * * 0\nresult/short * * 1024\n";
    (void)state;
    watch_with(policy, reads_once);
    assert_finding("short-count-ignored");
    watch_with(policy, reads_all);
    assert_silence();
    watch_with(policy, calls_for_the_rest);
    assert_silence();
}

static void waits_behind(struct io_uring *ring, unsigned link)
{
    struct __kernel_timespec time = {.tv_nsec = 1000};
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_timeout(sqe, &time, 0, 0);
    sqe->flags |= (uint8_t)link;
    io_uring_prep_nop(io_uring_get_sqe(ring));
    io_uring_submit(ring);
    finish_one(ring);
    finish_one(ring);
}

static void waits_behind_a_link(struct io_uring *ring)
{
    waits_behind(ring, IOSQE_IO_LINK);
}

static void waits_behind_a_hard_link(struct io_uring *ring)
{
    waits_behind(ring, IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
}

/* Entries linked behind a timeout never run; behind a hard link they do. */
static void a_chain_behind_a_timeout_is_found(void **state)
{
    (void)state;
    watch(waits_behind_a_link);
    assert_finding("chain-broken-by-timeout");
    watch(waits_behind_a_hard_link);
    assert_silence();
}

static void closed(int fd)
{
    sri_uring_hooks.closes(fd, __builtin_frame_address(0), __builtin_return_address(0));
    (void)close(fd);
}

static void closes_under_a_read(struct io_uring *ring)
{
    start_read(ring, record);
    closed(ends[0]);
}

static void cancels_first(struct io_uring *ring)
{
    start_read(ring, record);
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_cancel(sqe, record, 0);
    io_uring_sqe_set_data(sqe, NULL);
    io_uring_submit(ring);
    closed(ends[0]);
    finish_one(ring);
    finish_one(ring);
}

/* A descriptor closed under an operation that is still there at the end is found; not where it was cancelled. */
static void a_close_ends_no_operation(void **state)
{
    (void)state;
    watch(closes_under_a_read);
    assert_finding("closed-in-flight");
    assert_null(strstr(watched.findings, "queue-exit-in-flight"));
    watch(cancels_first);
    assert_silence();
}

static void updates_a_slot(struct io_uring *ring, unsigned slot)
{
    int files[2] = {temporary(), temporary()};
    io_uring_register_files(ring, files, 2);
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, 0, bytes, 64, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_register_files_update(ring, slot, &files[1], 1);
    io_uring_submit(ring);
    finish_one(ring);
}

static void updates_its_slot(struct io_uring *ring)
{
    updates_a_slot(ring, 0);
}

static void updates_another_slot(struct io_uring *ring)
{
    updates_a_slot(ring, 1);
}

/* A registered file that is replaced under an entry is found; another one is not. */
static void a_slot_is_watched_until_its_entry_is_taken(void **state)
{
    (void)state;
    watch(updates_its_slot);
    assert_finding("slot-changed-before-submit");
    watch(updates_another_slot);
    assert_silence();
}

static void reads_at_the_end_for_ever(struct io_uring *ring)
{
    int fd = temporary();
    for (;;) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_read(sqe, fd, bytes, 64, sizeof bytes);
        io_uring_submit(ring);
        finish_one(ring);
    }
}

/* The same read of nothing for ever is ended, with a code of its own. */
static void no_progress_is_ended(void **state)
{
    (void)state;
    watch(reads_at_the_end_for_ever);
    assert_finding("no-progress");
    assert_int_equal(watched.code, SRI_RUN_EXIT_HANGS);
    assert_null(strstr(watched.findings, "exit-in-flight"));
}

static void sleeps_on_a_spent_signal(struct io_uring *ring)
{
    uint64_t signals;
    int fd = eventfd(0, 0);
    io_uring_register_eventfd(ring, fd);
    io_uring_prep_nop(io_uring_get_sqe(ring));
    io_uring_submit(ring);
    if (read(fd, &signals, sizeof signals) != sizeof signals)
        _exit(98);
    sri_wait_on_eventfd(fd, __builtin_frame_address(0),
                        __builtin_return_address(0)); /* as its next read(2) does */
    _exit(97);
}

/* A sleep on an event descriptor whose signal is spent, with a completion there, is ended. */
static void a_lost_wakeup_is_ended(void **state)
{
    (void)state;
    watch(sleeps_on_a_spent_signal);
    assert_finding("lost-wakeup");
    assert_int_equal(watched.code, SRI_RUN_EXIT_HANGS);
}

static void is_refused_once(struct io_uring *ring)
{
    io_uring_prep_nop(io_uring_get_sqe(ring));
    if (io_uring_submit(ring) >= 0)
        _exit(97);
}

/* What a program would have had to try again is kept for the case that it fails, with the answer's name. */
static void an_answer_is_pending_until_it_is_tried_again(void **state)
{
    (void)state;
    watch_with("* * * 0\nenter/eagain * * 1024\n", is_refused_once);
    assert_non_null(strstr(watched.pending, "retry-missing"));
    assert_non_null(strstr(watched.pending, "EAGAIN"));
    watch(names_all);
    assert_string_equal(watched.pending, "");
}

static void prepare_three(struct io_uring *ring)
{
    for (int i = 0; i < 3; i++)
        io_uring_prep_nop(io_uring_get_sqe(ring));
}

static void is_taken_in_part(struct io_uring *ring)
{
    prepare_three(ring);
    int taken;
    do {
        taken = io_uring_submit(ring);
    } while (taken == -EAGAIN);
    if (taken < 1 || taken > 2 || io_uring_get_events(ring) < 0)
        _exit(97);
}

static void looks_before_it_submits(struct io_uring *ring)
{
    prepare_three(ring);
    if (io_uring_get_events(ring) < 0)
        _exit(97);
}

/* What a submission leaves is to be submitted still, also after a call that only looks; what none was asked to take is not left. */
static void entries_are_left_by_a_submission_alone(void **state)
{
    (void)state;
    watch_with("* * * 0\nenter/partial * * 1024\n", is_taken_in_part);
    assert_non_null(strstr(watched.pending, "retry-missing"));
    assert_non_null(strstr(watched.pending, "entries and left"));
    watch(looks_before_it_submits);
    assert_string_equal(watched.pending, "");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_record_is_watched_until_the_end),
    cmocka_unit_test(a_released_buffer_is_told_once),
    cmocka_unit_test(a_name_that_was_not_set_is_found),
    cmocka_unit_test(a_chain_passes_memory_on),
    cmocka_unit_test(a_short_count_wants_its_rest),
    cmocka_unit_test(a_chain_behind_a_timeout_is_found),
    cmocka_unit_test(a_close_ends_no_operation),
    cmocka_unit_test(a_slot_is_watched_until_its_entry_is_taken),
    cmocka_unit_test(no_progress_is_ended),
    cmocka_unit_test(a_lost_wakeup_is_ended),
    cmocka_unit_test(an_answer_is_pending_until_it_is_tried_again),
    cmocka_unit_test(entries_are_left_by_a_submission_alone),
};

SR_TEST_MAIN(tests)
