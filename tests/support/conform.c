/*
 * Running a case and writing its transcript. What a transcript should say is not known here.
 */
#include "support/conform.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "support/coverage.h"
#include "support/main.h"

/* valgrind does not see what the true kernel writes into memory after a system call has returned. */
#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define MARK_DEFINED(bytes, size) VALGRIND_MAKE_MEM_DEFINED(bytes, size)
#endif
#endif
#ifndef MARK_DEFINED
#define MARK_DEFINED(bytes, size) ((void)0)
#endif

#define PATIENCE_NS UINT64_C(10000000000)

void conform_say(struct conform *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(c->transcript + c->length, sizeof c->transcript - c->length, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && (size_t)length < sizeof c->transcript - c->length);
    c->length += (size_t)length;
}

static void say_value(struct conform *c, int64_t value)
{
    const char *name = value < 0 ? strerrorname_np((int)-value) : NULL;
    if (name != NULL)
        conform_say(c, "%s", name);
    else
        conform_say(c, "%lld", (long long)value);
}

void conform_value(struct conform *c, const char *what, int64_t value)
{
    conform_say(c, "%s: ", what);
    say_value(c, value);
    conform_say(c, "\n");
}

void conform_submit(struct conform *c)
{
    conform_value(c, "submit", raw_ring_submit(&c->ring));
}

/* IORING_CQE_F_SOCK_NONEMPTY is a hint that kernels give as they like. */
static void say_cqe(struct conform *c, const struct io_uring_cqe *cqe)
{
    unsigned flags = cqe->flags & ~(unsigned)IORING_CQE_F_SOCK_NONEMPTY;
    conform_say(c, "%llu: ", (unsigned long long)cqe->user_data);
    say_value(c, cqe->res);
    if (flags != 0)
        conform_say(c, " flags %u", flags);
    conform_say(c, "\n");
}

/* Until so many CQEs are in the ring. */
static void wait_for(struct conform *c, unsigned count)
{
    int rc;
    do
        rc = raw_ring_wait(&c->ring, count, PATIENCE_NS);
    while (rc == -EINTR);
    if (rc != 0)
        conform_value(c, "wait", rc);
}

void conform_take(struct conform *c, unsigned count)
{
    struct io_uring_cqe cqe;
    wait_for(c, count);
    for (unsigned i = 0; i < count; i++) {
        if (!raw_ring_take(&c->ring, &cqe)) {
            conform_say(c, "%u missing\n", count - i);
            return;
        }
        say_cqe(c, &cqe);
    }
}

int conform_take_descriptor(struct conform *c)
{
    struct io_uring_cqe cqe;
    wait_for(c, 1);
    if (!raw_ring_take(&c->ring, &cqe)) {
        conform_say(c, "no descriptor\n");
        return -1;
    }
    if (cqe.res < 0)
        say_cqe(c, &cqe);
    else
        conform_say(c, "%llu: a descriptor\n", (unsigned long long)cqe.user_data);
    return cqe.res;
}

void conform_take_now(struct conform *c)
{
    struct io_uring_cqe cqe;
    int rc = raw_ring_get_events(&c->ring);
    if (rc != 0)
        conform_value(c, "get_events", rc);
    bool any = false;
    for (; raw_ring_take(&c->ring, &cqe); any = true)
        say_cqe(c, &cqe);
    if (!any)
        conform_say(c, "nothing\n");
}

void conform_data(struct conform *c, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    MARK_DEFINED(bytes, size);
    conform_say(c, "data: ");
    for (size_t i = 0; i < size; i++)
        conform_say(c, at[i] >= ' ' && at[i] < 127 ? "%c" : "\\%u", at[i]);
    conform_say(c, "\n");
}

struct io_uring_sqe *conform_sqe(struct conform *c, uint64_t user_data)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&c->ring, user_data);
    assert_non_null(sqe);
    return sqe;
}

/* Is this the kernel that answered what is expected? A version is measured up to its second number. */
static bool is_measured_here(const struct conform_case *one)
{
    struct utsname system;
    size_t length = strlen(one->measured);
    assert_int_equal(uname(&system), 0);
    return strncmp(system.release, one->measured, length) == 0 &&
           !isdigit((unsigned char)system.release[length]);
}

static const char *judge(const struct conform_column *column, const struct conform_case *one,
                         const struct conform *c)
{
    if (strcmp(c->transcript, one->expected) == 0)
        return "equal";
    if (column == &conform_uring && one->measured != NULL && !is_measured_here(one))
        return "known";
    return "differs";
}

static void run_on(struct conform *c, struct sr_backend backend, const struct conform_case *one)
{
    int rc = raw_ring_open(&c->ring, backend, one->entries != 0 ? one->entries : 8, one->setup_flags);
    if (rc == 0) {
        one->run(c);
        raw_ring_close(&c->ring);
    } else {
        conform_value(c, "open", rc);
    }
}

/* 1: it differs. -1: this kernel can't be had. */
static int run_case(const struct conform_column *column, const struct conform_case *one)
{
    struct sr_backend backend;
    static struct conform c;
    memset(&c, 0, sizeof c);
    if (column->open(&backend, &c.objects, &c.self) != 0)
        return -1;
    run_on(&c, coverage_begin(backend), one);
    column->close(&backend, c.self);
    const char *outcome = judge(column, one, &c);
    coverage_end(one->name, column->name, outcome);
    if (strcmp(outcome, "equal") == 0)
        return 0;
    print_error("---- %s on %s: expected%s%s ----\n%s---- and there was ----\n%s----\n", one->name,
                column->name, one->measured != NULL ? " as by Linux " : "",
                one->measured != NULL ? one->measured : "", one->expected, c.transcript);
    return strcmp(outcome, "differs") == 0;
}

void conform_run(const struct conform_column *column, const struct conform_case *cases, size_t count)
{
    int different = 0;
    for (size_t i = 0; i < count; i++) {
        int outcome = run_case(column, &cases[i]);
        if (outcome < 0) {
            for (; i < count; i++)
                coverage_end(cases[i].name, column->name, "skipped");
            skip();
        }
        different += outcome;
    }
    assert_int_equal(different, 0);
}
