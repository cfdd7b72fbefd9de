/*
 * Guests of an engine over this machine's descriptors: a true child whose memory and descriptors are its own, while this
 * process calls the engine for it. What children see that use the drop-in is in tests/programs/children.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asleep.h"
#include "counting_allocator.h"
#include "engine/engine.h"
#include "host/host.h"
#include "main.h"
#include "name_processes.h"
#include "raw_ring.h"

#define THREAD (UINT64_C(1) << 63 | 1)
#define SECOND UINT64_C(1000000000)

/* Memory of one address in both processes. */
static char bytes[4096];
static char path[] = "of this process";

struct house {
    struct sri_engine *engine;
    struct sr_backend backend;
    struct raw_ring ring;
    char refused[2048];
    uint32_t of_guests; /* events; and of them, those that show memory */
    uint32_t lend;
    pid_t pid;
    int process;
    int guest;
    int stay;  /* the child lives until this is closed */
    int in[2]; /* the child's pipes, by its own numbers */
    int out[2];
};

static void observe(void *self, const struct sri_event *event)
{
    struct house *house = self;
    house->of_guests += event->guest != 0;
    house->lend += event->guest != 0 && event->segments != NULL;
}

static void refused(void *self, const char *text)
{
    struct house *house = self;
    strncat(house->refused, text, sizeof house->refused - strlen(house->refused) - 2);
    strcat(house->refused, "\n");
}

static void be_child(int stay, int tell)
{
    int pipes[4];
    char byte;
    strcpy(bytes, "the guest's bytes");
    strcpy(path, "of the guest");
    /* Numbers that this process does not have. */
    for (int fd = 200; fd < 204; fd++)
        close(fd);
    if (pipe(pipes) != 0 || pipe(pipes + 2) != 0)
        _exit(1);
    for (int i = 0; i < 4; i++)
        pipes[i] = dup2(pipes[i], 200 + i);
    if (write(tell, pipes, sizeof pipes) != sizeof pipes || read(stay, &byte, 1) != 0)
        _exit(1);
    _exit(0);
}

static void begin(struct house *house, unsigned flags)
{
    struct sri_world world;
    int stay[2];
    int told[2];
    if (!can_name_processes())
        skip();
    memset(house, 0, sizeof *house);
    assert_int_equal(sri_host_world_new(&world), 0);
    assert_int_equal(sri_engine_new(&house->engine, world, (struct sri_chooser){NULL, NULL}), 0);
    sri_host_world_attach(world, house->engine);
    sri_engine_set_options(house->engine,
                           &(struct sri_engine_options){.refused = refused, .refused_self = house});
    assert_int_equal(sri_engine_add_observer(house->engine, (struct sri_observer){observe, house, 0}), 0);
    house->backend = sri_engine_backend(house->engine, "guests");
    assert_int_equal(raw_ring_open(&house->ring, house->backend, 16, flags), 0);
    assert_int_equal(pipe(stay), 0);
    assert_int_equal(pipe(told), 0);
    house->pid = fork();
    assert_true(house->pid >= 0);
    if (house->pid == 0) {
        close(stay[1]);
        be_child(stay[0], told[1]);
    }
    close(stay[0]);
    close(told[1]);
    house->stay = stay[1];
    int pipes[4];
    assert_int_equal(read(told[0], pipes, sizeof pipes), sizeof pipes);
    close(told[0]);
    memcpy(house->in, pipes, sizeof house->in);
    memcpy(house->out, pipes + 2, sizeof house->out);
    house->process = (int)syscall(SYS_pidfd_open, house->pid, 0);
    assert_true(house->process >= 0);
    house->guest = sri_engine_guest_new(house->engine, house->pid, house->process);
    assert_true(house->guest > 0);
}

static void end(struct house *house)
{
    close(house->stay);
    assert_int_equal(waitpid(house->pid, NULL, 0), house->pid);
    raw_ring_close(&house->ring);
    close(house->process);
    sri_engine_free(&house->engine);
}

static struct sri_guest_call call_of(const struct house *house)
{
    return (struct sri_guest_call){.guest = house->guest, .fd = house->ring.fd, .thread = THREAD};
}

static int submit(struct house *house)
{
    struct sri_guest_call call = call_of(house);
    unsigned count = raw_ring_publish(&house->ring);
    return sri_engine_guest_enter(house->engine, &call, count, 0, NULL, 0);
}

static int32_t finish(struct house *house)
{
    struct io_uring_cqe cqe;
    while (!raw_ring_take(&house->ring, &cqe))
        assert_true(raw_ring_wait(&house->ring, 1, 10 * SECOND) >= 0);
    return cqe.res;
}

static void take_all(struct house *house, int32_t *results, unsigned count)
{
    struct io_uring_cqe cqe;
    while (count > 0) {
        if (!raw_ring_take(&house->ring, &cqe)) {
            assert_true(raw_ring_wait(&house->ring, 1, 10 * SECOND) >= 0);
            continue;
        }
        results[cqe.user_data] = cqe.res;
        count--;
    }
}

/* One entry of the guest's. */
static struct io_uring_sqe *entry(struct house *house, uint64_t user_data)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&house->ring, user_data);
    assert_non_null(sqe);
    return sqe;
}

static int32_t run_one(struct house *house)
{
    assert_int_equal(submit(house), 1);
    return finish(house);
}

static void peek(const struct house *house, char *to, const char *from, size_t length)
{
    struct iovec here = {to, length};
    struct iovec there = {(void *)(uintptr_t)from, length};
    assert_int_equal(process_vm_readv(house->pid, &here, 1, &there, 1, 0), length);
}

/* Written to its pipe and read back, from its memory to its memory. */
static void send_bytes_round(struct house *house)
{
    char found[32] = "";
    strcpy(bytes, "this process's bytes");
    io_uring_prep_write(entry(house, 1), house->in[1], bytes, 18, 0);
    assert_int_equal(run_one(house), 18);
    io_uring_prep_read(entry(house, 1), house->in[0], bytes + 100, 18, 0);
    assert_int_equal(run_one(house), 18);
    peek(house, found, bytes + 100, 18);
    assert_string_equal(found, "the guest's bytes");
    assert_string_equal(bytes, "this process's bytes");
    assert_int_equal(bytes[100], 0);
}

static void its_bytes_and_its_descriptors_are_its_own(void **state)
{
    (void)state;
    struct house house;
    begin(&house, 0);
    send_bytes_round(&house);
    assert_true(house.of_guests > 0);
    assert_int_equal(house.lend, 0);
    io_uring_prep_read(entry(&house, 1), 9999, bytes, 1, 0);
    assert_int_equal(run_one(&house), -EBADF);
    end(&house);
}

static void blocks_of_direct_files_are_moved(void **state)
{
    (void)state;
    struct house house;
    char name[] = "/var/tmp/guests-XXXXXX";
    int plain = mkstemp(name);
    int fd = open(name, O_RDWR | O_DIRECT | O_CLOEXEC);
    assert_int_equal(unlink(name), 0);
    close(plain);
    if (fd < 0)
        skip();       /* a file system without */
    begin(&house, 0); /* the child has it under the same number */
    bytes[0] = 'h';
    io_uring_prep_write(entry(&house, 1), fd, bytes, sizeof bytes, 0);
    int32_t result = run_one(&house);
    if (result != -EINVAL) {
        assert_int_equal(result, sizeof bytes);
        io_uring_prep_read(entry(&house, 1), fd, bytes, sizeof bytes, 0);
        assert_int_equal(run_one(&house), sizeof bytes);
        char found[18];
        peek(&house, found, bytes, sizeof found);
        assert_string_equal(found, "the guest's bytes");
    }
    close(fd);
    end(&house);
}

/* Each is refused when it is issued, so that the rest of its submission goes on; and is told once. */
static void what_would_be_in_its_process_is_not_served(void **state)
{
    (void)state;
    struct house house;
    static struct msghdr header = {.msg_control = bytes, .msg_controllen = 64};
    static struct open_how how;
    int32_t results[10] = {0};
    begin(&house, 0);
    io_uring_prep_openat(entry(&house, 1), AT_FDCWD, path, O_RDONLY, 0);
    io_uring_prep_openat2(entry(&house, 2), AT_FDCWD, path, &how);
    io_uring_prep_splice(entry(&house, 3), house.in[0], -1, house.out[1], -1, 4, 0);
    io_uring_prep_recvmsg(entry(&house, 4), house.in[0], &header, 0);
    io_uring_prep_accept(entry(&house, 5), house.in[0], NULL, NULL, 0);
    io_uring_prep_close(entry(&house, 6), house.in[0]);
    io_uring_prep_madvise(entry(&house, 7), bytes, 4096, MADV_NORMAL);
    struct io_uring_sqe *sqe = entry(&house, 8);
    io_uring_prep_recv(sqe, house.in[0], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    io_uring_prep_nop(entry(&house, 9));
    assert_int_equal(submit(&house), 9);
    take_all(&house, results, 9);
    for (int i = 1; i <= 8; i++)
        assert_int_equal(results[i], -EOPNOTSUPP);
    assert_int_equal(results[9], 0);
    assert_non_null(
        strstr(house.refused, "(OPENAT) by another process than the ring's is not simulated: -EOPNOTSUPP"));
    char *told = strstr(house.refused, "(CLOSE)");
    assert_non_null(told);
    io_uring_prep_close(entry(&house, 6), house.in[0]);
    assert_int_equal(run_one(&house), -EOPNOTSUPP);
    assert_null(strstr(told + 1, "(CLOSE)"));
    /* What can't be read is told before. */
    io_uring_prep_openat(entry(&house, 1), AT_FDCWD, (const char *)64, O_RDONLY, 0);
    assert_int_equal(run_one(&house), -EFAULT);
    end(&house);
}

static int put_down(struct house *house, unsigned opcode, void *arg, unsigned count)
{
    struct sri_guest_call call = call_of(house);
    return sri_engine_guest_register(house->engine, &call, opcode, arg, count);
}

static void it_registers_descriptors_and_no_memory(void **state)
{
    (void)state;
    struct house house;
    static union {
        struct io_uring_probe probe;
        char room[sizeof(struct io_uring_probe) + 4 * sizeof(struct io_uring_probe_op)];
    } answer;
    struct io_uring_probe found;
    begin(&house, 0);
    assert_int_equal(put_down(&house, IORING_REGISTER_PROBE, &answer, 4), 0);
    peek(&house, (char *)&found, (const char *)&answer, sizeof found);
    assert_int_equal(found.ops_len, 4);
    assert_int_equal(answer.probe.ops_len, 0);
    assert_int_equal(put_down(&house, IORING_REGISTER_PROBE, (void *)64, 4), -EFAULT);
    assert_int_equal(put_down(&house, IORING_REGISTER_BUFFERS, bytes, 1), -EINVAL);
    assert_int_equal(put_down(&house, IORING_REGISTER_RING_FDS, bytes, 1), -EINVAL);
    assert_non_null(strstr(house.refused, "by another process than the ring's is not simulated: -EINVAL"));
    /* A single issuer's ring is its own thread's. */
    struct raw_ring own;
    assert_int_equal(raw_ring_open(&own, house.backend, 4, IORING_SETUP_SINGLE_ISSUER), 0);
    struct sri_guest_call call = {.guest = house.guest, .fd = own.fd, .thread = THREAD};
    assert_non_null(raw_ring_sqe(&own, 1));
    (void)raw_ring_publish(&own);
    assert_int_equal(sri_engine_guest_enter(house.engine, &call, 1, 0, NULL, 0), -EEXIST);
    assert_int_equal(sri_engine_guest_register(house.engine, &call, IORING_REGISTER_PROBE, &answer, 4),
                     -EEXIST);
    raw_ring_close(&own);
    end(&house);
}

/* What a thread that polls consumes is this process's, whoever woke it. */
static void a_polling_thread_submits_for_this_process(void **state)
{
    (void)state;
    struct house house;
    int ends[2];
    char found[16] = "";
    begin(&house, IORING_SETUP_SQPOLL);
    assert_int_equal(pipe(ends), 0);
    strcpy(bytes, "thread");
    io_uring_prep_write(entry(&house, 1), ends[1], bytes, 7, 0);
    (void)raw_ring_publish(&house.ring);
    struct sri_guest_call call = call_of(&house);
    assert_int_equal(sri_engine_guest_enter(house.engine, &call, 1, IORING_ENTER_SQ_WAKEUP, NULL, 0), 1);
    assert_int_equal(finish(&house), 7);
    assert_int_equal(read(ends[0], found, sizeof found), 7);
    assert_string_equal(found, "thread");
    assert_int_equal(house.of_guests - 2, 0); /* its enter: beginning and end */
    close(ends[0]);
    close(ends[1]);
    end(&house);
}

/* As measured: see children.c, and for the order of a chain and a drain here. */
static void leave_everything(struct house *house, struct __kernel_timespec *times)
{
    struct io_uring_sqe *sqe;
    times[0] = (struct __kernel_timespec){0, 20000000};
    times[1] = (struct __kernel_timespec){0, 10000000};
    io_uring_prep_read(entry(house, 1), house->in[0], bytes, 1, 0);
    io_uring_prep_timeout(entry(house, 2), &times[0], 0, 0);
    io_uring_prep_poll_add(sqe = entry(house, 3), house->ring.fd, POLLIN);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_nop(entry(house, 4));
    io_uring_prep_read(sqe = entry(house, 5), house->out[0], bytes, 1, 0);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_link_timeout(entry(house, 6), &times[1], 0);
    io_uring_prep_nop(sqe = entry(house, 7));
    sqe->flags |= IOSQE_IO_DRAIN;
    assert_int_equal(submit(house), 7);
}

/* The child's own memory holds the times: it is told them. */
static void give_times(const struct house *house, struct __kernel_timespec *times)
{
    struct iovec here = {times, 2 * sizeof *times};
    assert_int_equal(process_vm_writev(house->pid, &here, 1, &here, 1, 0), here.iov_len);
}

static void what_it_leaves_behind_goes_on_without_it(void **state)
{
    (void)state;
    struct house house;
    static struct __kernel_timespec times[2];
    int32_t results[8] = {0};
    begin(&house, 0);
    times[0].tv_nsec = 20000000;
    times[1].tv_nsec = 10000000;
    give_times(&house, times);
    int in = (int)syscall(SYS_pidfd_getfd, house.process, house.in[1], 0);
    int out = (int)syscall(SYS_pidfd_getfd, house.process, house.out[1], 0);
    assert_true(in >= 0 && out >= 0);
    leave_everything(&house, times);
    sri_engine_guest_end(house.engine, house.guest, SRI_GUEST_ENDED);
    take_all(&house, results, 4);
    assert_int_equal(results[2], -ETIME);
    assert_int_equal(results[3], -ECANCELED);
    assert_int_equal(results[4], -ECANCELED);
    assert_int_equal(results[6], -ECANCELED);
    assert_int_equal(write(in, "x", 1), 1);
    assert_int_equal(write(out, "x", 1), 1);
    take_all(&house, results, 3);
    assert_int_equal(results[1], -ECANCELED);
    assert_int_equal(results[5], -ECANCELED);
    assert_int_equal(results[7], -EFAULT);
    close(in);
    close(out);
    end(&house);
}

static void what_it_leaves_is_cancelled_when_it_becomes_another_program(void **state)
{
    (void)state;
    struct house house;
    static struct __kernel_timespec times[2];
    int32_t results[8] = {0};
    begin(&house, 0);
    times[0].tv_sec = times[1].tv_sec = 100;
    give_times(&house, times);
    leave_everything(&house, times);
    sri_engine_guest_end(house.engine, house.guest, SRI_GUEST_CHANGED);
    take_all(&house, results, 7);
    for (int i = 1; i <= 7; i++)
        assert_int_equal(results[i], -ECANCELED);
    end(&house);
}

static void numbers_are_given_anew_when_nothing_is_left(void **state)
{
    (void)state;
    struct house house;
    int last = 0;
    begin(&house, 0);
    int out = (int)syscall(SYS_pidfd_getfd, house.process, house.in[1], 0);
    io_uring_prep_read(entry(&house, 1), house.in[0], bytes, 1, 0);
    assert_int_equal(submit(&house), 1);
    for (int i = 2; i < 32; i++)
        last = sri_engine_guest_new(house.engine, house.pid, house.process);
    assert_int_equal(last, 31);
    assert_int_equal(sri_engine_guest_new(house.engine, house.pid, house.process), -EAGAIN);
    sri_engine_guest_end(house.engine, house.guest, SRI_GUEST_ENDED);
    assert_int_equal(sri_engine_guest_new(house.engine, house.pid, house.process), -EAGAIN);
    assert_int_equal(write(out, "x", 1), 1);
    assert_int_equal(finish(&house), -ECANCELED);
    assert_int_equal(sri_engine_guest_new(house.engine, house.pid, house.process), house.guest);
    close(out);
    end(&house);
}

/* Bytes that come late come to its memory; what would be scribbled there before is not. */
static uint32_t choose_scribbles(void *self, const struct sri_question *question)
{
    (void)self;
    return question->why == SRI_WHY_COPY ? 2 : 0;
}

static void bad_luck_is_its_own_too(void **state)
{
    static const struct sri_chooser_vtable scribbles = {.pick = choose_scribbles};
    (void)state;
    struct house house;
    begin(&house, 0);
    sri_engine_set_chooser(house.engine, (struct sri_chooser){&scribbles, NULL});
    send_bytes_round(&house);
    end(&house);
}

/* Memory that is only looked at, and the mask of a wait. */
static void what_it_names_is_looked_at_in_its_memory(void **state)
{
    (void)state;
    struct house house;
    begin(&house, 0);
    assert_int_equal(put_down(&house, IORING_REGISTER_IOWQ_AFF, bytes, sizeof bytes), 0);
    assert_int_equal(put_down(&house, IORING_REGISTER_IOWQ_AFF, (void *)64, 8), -EFAULT);
    assert_int_equal(put_down(&house, IORING_REGISTER_IOWQ_AFF, (void *)UINTPTR_MAX, 8), -EFAULT);
    end(&house);
}

/* Its end is told to whoever sleeps on what it had in flight. */
static void *end_it_soon(void *argument)
{
    struct house *house = argument;
    while (!is_asleep(getpid(), getpid())) /* main() waits by now */
        sched_yield();
    sri_engine_guest_end(house->engine, house->guest, SRI_GUEST_CHANGED);
    return NULL;
}

static void its_end_wakes_who_waits(void **state)
{
    (void)state;
    struct house house;
    pthread_t thread;
    begin(&house, 0);
    io_uring_prep_read(entry(&house, 1), house.in[0], bytes, 1, 0);
    assert_int_equal(submit(&house), 1);
    assert_int_equal(pthread_create(&thread, NULL, end_it_soon, &house), 0);
    assert_int_equal(finish(&house), -ECANCELED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    end(&house);
}

/* An epoll instance of the guest's is a file, which is never ready; that of the ring, which it has inherited, is the ring. */
static void its_epoll_instances_are_no_rings(void **state)
{
    (void)state;
    struct house house;
    int32_t results[5] = {0};
    int instance = epoll_create1(0);
    begin(&house, 0); /* the child has it too */
    io_uring_prep_poll_add(entry(&house, 1), instance, POLLIN);
    io_uring_prep_poll_add(entry(&house, 2), house.ring.fd, POLLIN);
    assert_int_equal(submit(&house), 2);
    io_uring_prep_nop(entry(&house, 3));
    assert_int_equal(submit(&house), 1);
    take_all(&house, results, 2);
    assert_int_equal(results[2], POLLIN);
    io_uring_prep_cancel64(entry(&house, 4), 1, 0);
    assert_int_equal(submit(&house), 1);
    take_all(&house, results, 2);
    assert_int_equal(results[1], -ECANCELED);
    assert_int_equal(results[4], 0);
    close(instance);
    end(&house);
}

/* The next allocation fails, and all behind it: what one poll comes to, or 0 where it waits. */
static int32_t poll_without_memory(struct house *house, struct counting_allocator *counter)
{
    struct io_uring_cqe cqe = {.res = 0};
    counter->fails_from = counter->allocations + 1;
    io_uring_prep_poll_add(entry(house, 2), house->out[0], POLLIN);
    assert_int_equal(submit(house), 1);
    (void)raw_ring_take(&house->ring, &cqe);
    counter->fails_from = 0;
    return cqe.res;
}

/* Of holds on objects there is memory for many at a time. */
static void it_is_told_where_memory_runs_out(void **state)
{
    (void)state;
    struct house house;
    static struct counting_allocator counter;
    int32_t result = 0;
    if (!can_name_processes())
        skip();
    counting_allocator_install(&counter);
    begin(&house, 0);
    io_uring_prep_write(entry(&house, 1), house.in[1], bytes, 1, 0);
    assert_int_equal(run_one(&house), 1);
    counter.fails_from = counter.allocations + 1;
    assert_int_equal(sri_engine_guest_new(house.engine, house.pid, house.process), -ENOMEM);
    io_uring_prep_write(entry(&house, 1), house.in[1], bytes, 4096, 0);
    assert_int_equal(run_one(&house), -ENOMEM);
    counter.fails_from = 0;
    for (int i = 0; i < 200 && result != -EBADF; i++) {
        result = poll_without_memory(&house, &counter);
        assert_true(result == 0 || result == -ENOMEM || result == -EBADF);
        if (result != -ENOMEM)
            continue;
        io_uring_prep_poll_add(entry(&house, 2), house.out[0], POLLIN);
        assert_int_equal(submit(&house), 1);
    }
    assert_int_equal(result, -EBADF);
    end(&house);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

static void a_ring_that_is_none_has_nothing_to_see(void **state)
{
    (void)state;
    struct house house;
    begin(&house, 0);
    struct sri_ring_view view = sri_engine_view(house.engine, house.ring.fd);
    assert_int_equal(view.cq_entries, 32);
    assert_int_equal(view.visible, 0);
    io_uring_prep_nop(entry(&house, 1));
    assert_int_equal(submit(&house), 1);
    assert_int_equal(sri_engine_view(house.engine, house.ring.fd).visible, 1);
    assert_int_equal(finish(&house), 0);
    assert_int_equal(sri_engine_view(house.engine, 1234).cq_entries, 0);
    struct sri_guest_call call = {.guest = house.guest, .fd = 1234, .thread = THREAD};
    assert_int_equal(sri_engine_guest_enter(house.engine, &call, 0, 0, NULL, 0), -EBADF);
    end(&house);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(its_bytes_and_its_descriptors_are_its_own),
    cmocka_unit_test(blocks_of_direct_files_are_moved),
    cmocka_unit_test(what_would_be_in_its_process_is_not_served),
    cmocka_unit_test(it_registers_descriptors_and_no_memory),
    cmocka_unit_test(a_polling_thread_submits_for_this_process),
    cmocka_unit_test(what_it_leaves_behind_goes_on_without_it),
    cmocka_unit_test(what_it_leaves_is_cancelled_when_it_becomes_another_program),
    cmocka_unit_test(numbers_are_given_anew_when_nothing_is_left),
    cmocka_unit_test(bad_luck_is_its_own_too),
    cmocka_unit_test(what_it_names_is_looked_at_in_its_memory),
    cmocka_unit_test(its_end_wakes_who_waits),
    cmocka_unit_test(its_epoll_instances_are_no_rings),
    cmocka_unit_test(it_is_told_where_memory_runs_out),
    cmocka_unit_test(a_ring_that_is_none_has_nothing_to_see),
};

SR_TEST_MAIN(tests)
