/*
 * Buffers that the program provides in a ring of its own memory or of the kernel's: the same on every kernel.
 */
#include <string.h>
#include <unistd.h>

#include "support/conform.h"
#include "support/main.h"

/* Newer than the headers this is built with. */
#define PBUF_MMAP 1u
#define PBUF_INC 2u
#define OFF_PBUF_RING UINT64_C(0x80000000)
#define OFF_PBUF_SHIFT 16
#define REGISTER_PBUF_STATUS 26u
#define F_BUF_MORE 16u

#define GROUP 7
#define SIZE 4u
#define ENTRIES 8u

static char memory[16 * SIZE];
static _Alignas(65536) char pages[65536];

static int call(struct conform *c, unsigned opcode, void *arg, unsigned count)
{
    return c->ring.backend.vtable->register_(c->ring.backend.self, c->ring.fd, opcode, arg, count);
}

static struct io_uring_buf_ring *ring_memory(void)
{
    return (struct io_uring_buf_ring *)(void *)pages;
}

static struct io_uring_buf_reg registration(void)
{
    return (struct io_uring_buf_reg){.ring_addr = (uintptr_t)pages, .ring_entries = ENTRIES, .bgid = GROUP};
}

static void put(struct io_uring_buf_ring *ring, unsigned id)
{
    io_uring_buf_ring_add(ring, memory + id * SIZE, SIZE, (unsigned short)id, ENTRIES - 1, 0);
    io_uring_buf_ring_advance(ring, 1);
}

/* A ring with `count` buffers of SIZE in it. */
static void start_flags(struct conform *c, unsigned count, unsigned flags)
{
    struct io_uring_buf_reg reg = registration();
    memset(memory, '.', sizeof memory);
    memset(pages, 0, 4096);
    reg.pad = (unsigned short)flags;
    conform_value(c, "register", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    for (unsigned i = 0; i < count; i++)
        put(ring_memory(), i);
}

static void start(struct conform *c, unsigned count)
{
    start_flags(c, count, 0);
}

static void end(struct conform *c)
{
    struct io_uring_buf_reg reg = {.bgid = GROUP};
    conform_value(c, "unregister", call(c, IORING_UNREGISTER_PBUF_RING, &reg, 1));
}

/* How many were taken out of the ring so far. */
static void say_head(struct conform *c)
{
    struct {
        uint32_t group;
        uint32_t head;
        uint32_t resv[8];
    } status = {.group = GROUP};
    int rc = call(c, REGISTER_PBUF_STATUS, &status, 1);
    if (rc != 0)
        conform_value(c, "status", rc);
    else
        conform_value(c, "head", status.head);
}

static struct io_uring_sqe *choosing(struct io_uring_sqe *sqe)
{
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static struct io_uring_sqe *select_read(struct conform *c, uint64_t user_data, int fd, unsigned length)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_read(sqe, fd, NULL, length, 0);
    return choosing(sqe);
}

static struct io_uring_sqe *select_recv(struct conform *c, uint64_t user_data, int fd, unsigned length)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_recv(sqe, fd, NULL, length, 0);
    return choosing(sqe);
}

static void a_ring_is_registered_and_unregistered(struct conform *c)
{
    start(c, 0);
    say_head(c);
    end(c);
    end(c);
    start(c, 0);
    struct io_uring_buf_reg reg = registration();
    conform_value(c, "again", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    end(c);
}

static void what_registering_refuses(struct conform *c)
{
    struct io_uring_buf_reg reg = registration();
    conform_value(c, "no argument", call(c, IORING_REGISTER_PBUF_RING, NULL, 1));
    conform_value(c, "two", call(c, IORING_REGISTER_PBUF_RING, &reg, 2));
    conform_value(c, "bad argument", call(c, IORING_REGISTER_PBUF_RING, (void *)16, 1));
    reg.ring_entries = 3;
    conform_value(c, "three entries", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg.ring_entries = 0;
    conform_value(c, "no entries", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg.ring_entries = 65536;
    conform_value(c, "65536 entries", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg = registration();
    reg.ring_addr = 0;
    conform_value(c, "no address", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg.ring_addr = (uintptr_t)pages + 16;
    conform_value(c, "an address inside a page", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg.ring_addr = 4096;
    conform_value(c, "a bad address", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg = registration();
    reg.pad = 64;
    conform_value(c, "an unknown flag", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg = registration();
    reg.resv[2] = 1;
    conform_value(c, "reserved", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    reg = registration();
    reg.pad = PBUF_MMAP;
    conform_value(c, "the kernel's with an address", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    end(c);
}

static void what_unregistering_refuses(struct conform *c)
{
    struct io_uring_buf_reg reg = {.bgid = GROUP};
    conform_value(c, "none", call(c, IORING_UNREGISTER_PBUF_RING, &reg, 1));
    start(c, 0);
    conform_value(c, "no argument", call(c, IORING_UNREGISTER_PBUF_RING, NULL, 1));
    conform_value(c, "two", call(c, IORING_UNREGISTER_PBUF_RING, &reg, 2));
    reg.resv[0] = 1;
    conform_value(c, "reserved", call(c, IORING_UNREGISTER_PBUF_RING, &reg, 1));
    reg = (struct io_uring_buf_reg){.bgid = GROUP, .pad = 1};
    conform_value(c, "flags", call(c, IORING_UNREGISTER_PBUF_RING, &reg, 1));
    reg = (struct io_uring_buf_reg){.bgid = GROUP, .ring_entries = 3, .ring_addr = 5};
    conform_value(c, "what does not count", call(c, IORING_UNREGISTER_PBUF_RING, &reg, 1));
    io_uring_prep_provide_buffers(conform_sqe(c, 1), memory, SIZE, 1, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    reg = (struct io_uring_buf_reg){.bgid = GROUP};
    conform_value(c, "not a ring", call(c, IORING_UNREGISTER_PBUF_RING, &reg, 1));
}

static void the_largest_ring(struct conform *c)
{
    struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)pages, .ring_entries = 32768, .bgid = GROUP};
    (void)reg;
    reg.ring_entries = 4096;
    conform_value(c, "4096 entries", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    end(c);
    reg.ring_entries = 1;
    conform_value(c, "one entry", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    end(c);
}

static void the_two_kinds_do_not_mix(struct conform *c)
{
    start(c, 1);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), memory, SIZE, 1, GROUP, 0);
    io_uring_prep_remove_buffers(conform_sqe(c, 2), 1, GROUP);
    conform_submit(c);
    conform_take(c, 1);
    conform_submit(c);
    conform_take(c, 1);
    end(c);
    io_uring_prep_provide_buffers(conform_sqe(c, 3), memory, SIZE, 1, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    start(c, 0);
    io_uring_prep_remove_buffers(conform_sqe(c, 4), 1, GROUP);
    conform_submit(c);
    conform_take(c, 1);
    start(c, 0);
    end(c);
}

static void the_head_is_chosen_first(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 3);
    conform_write(c, ends[1], "aabbccdd");
    for (unsigned i = 1; i <= 4; i++)
        select_recv(c, i, ends[0], 2);
    conform_submit(c);
    conform_take(c, 4);
    put(ring_memory(), 2);
    select_recv(c, 5, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, memory, 3 * SIZE);
    say_head(c);
    end(c);
    conform_close_both(c, ends);
}

static void the_ring_goes_round(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 0);
    for (unsigned i = 0; i < 20; i++) {
        put(ring_memory(), i % 16);
        (void)c->objects->write(c->self, ends[1], "a");
        select_read(c, i, ends[0], 0);
        conform_submit(c);
        conform_take(c, 1);
    }
    say_head(c);
    end(c);
    conform_close_both(c, ends);
}

static void without_a_buffer_nothing_is_attempted(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 0);
    select_recv(c, 1, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    select_read(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    end(c);
    select_read(c, 3, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void receives_that_wait_hold_no_buffer(struct conform *c)
{
    int one[2];
    int two[2];
    conform_socketpair(c, one);
    conform_socketpair(c, two);
    start(c, 1);
    select_recv(c, 1, one[0], 0);
    select_recv(c, 2, two[0], 0);
    conform_submit(c);
    conform_take_now(c);
    say_head(c);
    conform_write(c, two[1], "ab");
    conform_take(c, 1);
    conform_write(c, one[1], "cd");
    conform_take(c, 1);
    end(c);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void reads_that_wait_hold_no_buffer(struct conform *c)
{
    int one[2];
    int two[2];
    conform_pipe(c, one);
    conform_pipe(c, two);
    start(c, 1);
    select_read(c, 1, one[0], 0);
    select_read(c, 2, two[0], 0);
    conform_submit(c);
    conform_take_now(c);
    say_head(c);
    conform_write(c, two[1], "ab");
    conform_take(c, 1);
    conform_write(c, one[1], "cd");
    conform_take(c, 1);
    end(c);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void who_is_cancelled_keeps_nothing(struct conform *c)
{
    int one[2];
    int two[2];
    conform_pipe(c, one);
    conform_socketpair(c, two);
    start(c, 2);
    select_read(c, 1, one[0], 0);
    select_recv(c, 2, two[0], 0);
    conform_submit(c);
    io_uring_prep_cancel64(conform_sqe(c, 3), 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 4), 2, 0);
    conform_submit(c);
    conform_take(c, 4);
    say_head(c);
    end(c);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void the_end_of_a_stream(struct conform *c)
{
    int one[2];
    int two[2];
    conform_pipe(c, one);
    conform_socketpair(c, two);
    start(c, 3);
    conform_close(c, one[1]);
    conform_close(c, two[1]);
    select_read(c, 1, one[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_recv(c, 2, two[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    end(c);
    conform_close(c, one[0]);
    conform_close(c, two[0]);
}

static void what_is_refused(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = c->objects->socket(c->self);
    start(c, 4);
    select_read(c, 1, ends[1], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_recv(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_recv(c, 3, fd, 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_read(c, 4, ends[0], 0)->rw_flags = RWF_NOWAIT;
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    end(c);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_file_takes_its_buffer_at_once(struct conform *c)
{
    int fd = conform_file(c, "abcdef");
    start(c, 4);
    select_read(c, 1, fd, 0)->off = 0;
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_read(c, 2, fd, 3)->off = 6;
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_read(c, 3, fd, 3)->off = UINT64_C(1) << 63;
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    conform_data(c, memory, 2 * SIZE);
    end(c);
    conform_close(c, fd);
}

static void a_bad_address(struct conform *c)
{
    int one[2];
    int two[2];
    conform_pipe(c, one);
    conform_socketpair(c, two);
    start(c, 0);
    io_uring_buf_ring_add(ring_memory(), (void *)16, SIZE, 5, ENTRIES - 1, 0);
    io_uring_buf_ring_add(ring_memory(), NULL, SIZE, 6, ENTRIES - 1, 1);
    io_uring_buf_ring_advance(ring_memory(), 2);
    conform_write(c, one[1], "ab");
    conform_write(c, two[1], "ab");
    select_recv(c, 1, two[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_read(c, 2, one[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    ring_memory()->bufs[0].addr = 0;
    select_recv(c, 3, two[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    end(c);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void lengths(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 5);
    conform_write(c, ends[1], "abcdefghijklmnop");
    ring_memory()->bufs[3].len = 0;
    select_recv(c, 1, ends[0], 0);
    select_recv(c, 2, ends[0], 3);
    select_recv(c, 3, ends[0], 9);
    select_recv(c, 4, ends[0], 0);
    select_recv(c, 5, ends[0], 0);
    conform_submit(c);
    conform_take(c, 5);
    conform_data(c, memory, 5 * SIZE);
    say_head(c);
    end(c);
    conform_close_both(c, ends);
}

static void ids_are_the_programs(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 0);
    io_uring_buf_ring_add(ring_memory(), memory, SIZE, 65535, ENTRIES - 1, 0);
    io_uring_buf_ring_add(ring_memory(), memory, SIZE, 3, ENTRIES - 1, 1);
    io_uring_buf_ring_advance(ring_memory(), 2);
    conform_write(c, ends[1], "ab");
    select_recv(c, 1, ends[0], 1);
    select_recv(c, 2, ends[0], 1);
    conform_submit(c);
    conform_take(c, 2);
    end(c);
    conform_close_both(c, ends);
}

static void messages_and_vectors(struct conform *c)
{
    int ends[2];
    struct iovec vector = {NULL, 3};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    conform_socketpair(c, ends);
    start(c, 3);
    conform_write(c, ends[1], "abcdefg");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_recvmsg(sqe, ends[0], &message, 0);
    choosing(sqe);
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 2);
    io_uring_prep_readv(sqe, ends[0], &vector, 1, 0);
    choosing(sqe);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, memory, 2 * SIZE);
    conform_value(c, "name", message.msg_namelen);
    end(c);
    conform_close_both(c, ends);
}

static void sends_choose_too(struct conform *c)
{
    char bytes[16];
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 5);
    for (unsigned i = 0; i < 4; i++) {
        if (i == 3) {
            (void)c->objects->read(c->self, ends[1], bytes, sizeof bytes);
            conform_close(c, ends[1]);
        }
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_send(sqe, ends[0], NULL, i == 2 ? 9 : i, MSG_NOSIGNAL);
        choosing(sqe);
        conform_submit(c);
        conform_take(c, 1);
        say_head(c);
    }
    end(c);
    conform_close(c, ends[0]);
}

static struct io_uring_sqe *receiver(struct conform *c, uint64_t user_data, int fd)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    return choosing(sqe);
}

static void a_ring_feeds_one_that_goes_on(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    conform_write(c, ends[1], "abcdefgh");
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take(c, 2);
    say_head(c);
    put(ring_memory(), 5);
    conform_write(c, ends[1], "ij");
    conform_take(c, 1);
    say_head(c);
    conform_write(c, ends[1], "kl");
    conform_take(c, 1);
    say_head(c);
    end(c);
    conform_close_both(c, ends);
}

static void bit_by_bit_for_one_that_goes_on(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start_flags(c, 2, PBUF_INC);
    receiver(c, 1, ends[0]);
    conform_submit(c);
    for (unsigned i = 0; i < 3; i++) {
        conform_write(c, ends[1], "ab");
        conform_take(c, 1);
        say_head(c);
    }
    conform_write(c, ends[1], "cdefg");
    conform_take(c, 2);
    conform_data(c, memory, 2 * SIZE);
    say_head(c);
    end(c);
    conform_close_both(c, ends);
}

static void bit_by_bit_waits_for_all(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start_flags(c, 2, PBUF_INC);
    conform_write(c, ends[1], "a");
    select_recv(c, 1, ends[0], 3)->msg_flags = MSG_WAITALL;
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "bcd");
    conform_take(c, 1);
    say_head(c);
    select_recv(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, memory, 2 * SIZE);
    say_head(c);
    end(c);
    conform_close_both(c, ends);
}

static void a_ring_taken_away_ends_one_that_goes_on(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4);
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_write(c, ends[1], "ab");
    conform_take(c, 1);
    end(c);
    conform_take_now(c);
    conform_write(c, ends[1], "cd");
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void an_entry_changed_while_one_waits(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 1);
    select_recv(c, 1, ends[0], 0);
    conform_submit(c);
    ring_memory()->bufs[0].addr = (uintptr_t)memory + 8;
    ring_memory()->bufs[0].bid = 9;
    conform_write(c, ends[1], "ab");
    conform_take(c, 1);
    conform_data(c, memory, 12);
    end(c);
    conform_close_both(c, ends);
}

static void a_ring_of_one(struct conform *c)
{
    int ends[2];
    struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)pages, .ring_entries = 1, .bgid = GROUP};
    conform_pipe(c, ends);
    memset(pages, 0, 4096);
    conform_value(c, "register", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    for (unsigned i = 0; i < 3; i++) {
        io_uring_buf_ring_add(ring_memory(), memory, SIZE, (unsigned short)i, 0, 0);
        io_uring_buf_ring_advance(ring_memory(), 1);
        conform_write(c, ends[1], "a");
        select_read(c, i, ends[0], 0);
        conform_submit(c);
        conform_take(c, 1);
    }
    end(c);
    conform_close_both(c, ends);
}

static void unregistered_while_one_waits(struct conform *c)
{
    int one[2];
    int two[2];
    conform_pipe(c, one);
    conform_socketpair(c, two);
    start(c, 3);
    select_read(c, 1, one[0], 0);
    select_recv(c, 2, two[0], 0);
    conform_submit(c);
    end(c);
    conform_write(c, one[1], "ab");
    conform_take(c, 1);
    conform_write(c, two[1], "ab");
    conform_take(c, 1);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

/* Memory of the kernel's own. */
static void the_kernels_memory(struct conform *c)
{
    int ends[2];
    void *mapped = NULL;
    struct sr_backend *backend = &c->ring.backend;
    struct io_uring_buf_reg reg = {.ring_entries = ENTRIES, .bgid = GROUP, .pad = PBUF_MMAP};
    conform_socketpair(c, ends);
    memset(memory, '.', sizeof memory);
    conform_value(c, "register", call(c, IORING_REGISTER_PBUF_RING, &reg, 1));
    uint64_t offset = OFF_PBUF_RING | (uint64_t)GROUP << OFF_PBUF_SHIFT;
    size_t size = ENTRIES * sizeof(struct io_uring_buf);
    conform_value(c, "another group",
                  backend->vtable->map(backend->self, c->ring.fd, offset + (1 << OFF_PBUF_SHIFT), size,
                                       &mapped));
    conform_value(c, "map", backend->vtable->map(backend->self, c->ring.fd, offset, size, &mapped));
    put(mapped, 1);
    put(mapped, 0);
    conform_write(c, ends[1], "abcdefg");
    select_recv(c, 1, ends[0], 0);
    select_recv(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_data(c, memory, 2 * SIZE);
    end(c);
    backend->vtable->unmap(backend->self, mapped, size);
    conform_close_both(c, ends);
}

static void a_programs_ring_is_not_mapped(struct conform *c)
{
    void *mapped = NULL;
    struct sr_backend *backend = &c->ring.backend;
    start(c, 0);
    uint64_t offset = OFF_PBUF_RING | (uint64_t)GROUP << OFF_PBUF_SHIFT;
    conform_value(c, "map", backend->vtable->map(backend->self, c->ring.fd, offset, 128, &mapped));
    end(c);
}

/* Buffers that are used up bit by bit. */
static void bit_by_bit(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start_flags(c, 2, PBUF_INC);
    conform_write(c, ends[1], "abcdefg");
    select_recv(c, 1, ends[0], 1);
    select_recv(c, 2, ends[0], 2);
    select_recv(c, 3, ends[0], 0);
    select_recv(c, 4, ends[0], 0);
    conform_submit(c);
    conform_take(c, 4);
    conform_data(c, memory, 2 * SIZE);
    say_head(c);
    conform_value(c, "left", ring_memory()->bufs[1].len);
    end(c);
    conform_close_both(c, ends);
}

static void bit_by_bit_of_a_pipe(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start_flags(c, 2, PBUF_INC);
    conform_write(c, ends[1], "abcdefg");
    select_read(c, 1, ends[0], 1);
    select_read(c, 2, ends[0], 2);
    select_read(c, 3, ends[0], 0);
    select_read(c, 4, ends[0], 0);
    conform_submit(c);
    conform_take(c, 4);
    conform_data(c, memory, 2 * SIZE);
    say_head(c);
    end(c);
    conform_close_both(c, ends);
}

static void bit_by_bit_of_a_file(struct conform *c)
{
    int fd = conform_file(c, "abcdef");
    start_flags(c, 3, PBUF_INC);
    select_read(c, 1, fd, 1)->off = 0;
    conform_submit(c);
    conform_take(c, 1);
    select_read(c, 2, fd, 2)->off = 5;
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_read(c, 3, fd, 1)->off = 6;
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_read(c, 4, fd, 0)->off = 0;
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, memory, 2 * SIZE);
    say_head(c);
    end(c);
    conform_close(c, fd);
}

static void bit_by_bit_at_the_end(struct conform *c)
{
    int one[2];
    int two[2];
    conform_pipe(c, one);
    conform_socketpair(c, two);
    start_flags(c, 2, PBUF_INC);
    conform_close(c, one[1]);
    conform_close(c, two[1]);
    select_read(c, 1, one[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    select_recv(c, 2, two[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    say_head(c);
    end(c);
    conform_close(c, one[0]);
    conform_close(c, two[0]);
}

static void where_a_ring_is(struct conform *c)
{
    uint32_t status[10] = {GROUP};
    conform_value(c, "none", call(c, REGISTER_PBUF_STATUS, status, 1));
    io_uring_prep_provide_buffers(conform_sqe(c, 1), memory, SIZE, 1, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_value(c, "not a ring", call(c, REGISTER_PBUF_STATUS, status, 1));
    conform_value(c, "two", call(c, REGISTER_PBUF_STATUS, status, 2));
    status[5] = 1;
    conform_value(c, "reserved", call(c, REGISTER_PBUF_STATUS, status, 1));
}

static const struct conform_case cases[] = {
    {.name = "a ring is registered and unregistered",
     .run = a_ring_is_registered_and_unregistered,
     .expected = "register: 0\nhead: 0\nunregister: 0\nunregister: ENOENT\nregister: 0\nagain: EEXIST\n"
                 "unregister: 0\n"},
    {.name = "what registering refuses",
     .run = what_registering_refuses,
     .expected = "no argument: EINVAL\ntwo: EINVAL\nbad argument: EFAULT\nthree entries: EINVAL\n"
                 "no entries: EINVAL\n65536 entries: EINVAL\nno address: EFAULT\n"
                 "an address inside a page: EINVAL\na bad address: EFAULT\nan unknown flag: EINVAL\n"
                 "reserved: EINVAL\nthe kernel's with an address: 0\nunregister: 0\n"},
    {.name = "what unregistering refuses",
     .run = what_unregistering_refuses,
     .expected = "none: ENOENT\nregister: 0\nno argument: EINVAL\ntwo: EINVAL\nreserved: 0\n"
                 "flags: EINVAL\nwhat does not count: ENOENT\nsubmit: 1\n1: 0\nnot a ring: EINVAL\n"},
    {.name = "the largest ring",
     .run = the_largest_ring,
     .expected = "4096 entries: 0\nunregister: 0\none entry: 0\nunregister: 0\n"},
    {.name = "the two kinds do not mix",
     .run = the_two_kinds_do_not_mix,
     .expected = "register: 0\nsubmit: 2\n1: EINVAL\nsubmit: 0\n2: EINVAL\nunregister: 0\nsubmit: 1\n"
                 "3: 0\nregister: EEXIST\nsubmit: 1\n4: 1\nregister: 0\nunregister: 0\n"},
    {.name = "the head is chosen first",
     .run = the_head_is_chosen_first,
     .expected = "register: 0\nwritten: 8\nsubmit: 4\n1: 2 flags 1\n2: 2 flags 65537\n3: 2 flags 131073\n"
                 "4: ENOBUFS\nsubmit: 1\n5: 2 flags 131073\ndata: aa..bb..dd..\nhead: 4\nunregister: 0\n"},
    {.name = "the ring goes round",
     .run = the_ring_goes_round,
     .expected = "register: 0\nsubmit: 1\n0: 1 flags 1\nsubmit: 1\n1: 1 flags 65537\nsubmit: 1\n"
                 "2: 1 flags 131073\nsubmit: 1\n3: 1 flags 196609\nsubmit: 1\n4: 1 flags 262145\n"
                 "submit: 1\n5: 1 flags 327681\nsubmit: 1\n6: 1 flags 393217\nsubmit: 1\n"
                 "7: 1 flags 458753\nsubmit: 1\n8: 1 flags 524289\nsubmit: 1\n9: 1 flags 589825\n"
                 "submit: 1\n10: 1 flags 655361\nsubmit: 1\n11: 1 flags 720897\nsubmit: 1\n"
                 "12: 1 flags 786433\nsubmit: 1\n13: 1 flags 851969\nsubmit: 1\n14: 1 flags 917505\n"
                 "submit: 1\n15: 1 flags 983041\nsubmit: 1\n16: 1 flags 1\nsubmit: 1\n17: 1 flags 65537\n"
                 "submit: 1\n18: 1 flags 131073\nsubmit: 1\n19: 1 flags 196609\nhead: 20\nunregister: 0\n"},
    {.name = "without a buffer nothing is attempted",
     .run = without_a_buffer_nothing_is_attempted,
     .expected = "register: 0\nsubmit: 1\n1: ENOBUFS\nsubmit: 1\n2: ENOBUFS\nunregister: 0\nsubmit: 1\n"
                 "3: ENOBUFS\n"},
    {.name = "receives that wait hold no buffer",
     .run = receives_that_wait_hold_no_buffer,
     .expected = "register: 0\nsubmit: 2\nnothing\nhead: 0\nwritten: 2\n2: 2 flags 1\nwritten: 2\n"
                 "1: ENOBUFS\nunregister: 0\n"},
    {.name = "reads that wait hold no buffer",
     .run = reads_that_wait_hold_no_buffer,
     .expected = "register: 0\nsubmit: 2\nnothing\nhead: 0\nwritten: 2\n2: 2 flags 1\nwritten: 2\n"
                 "1: ENOBUFS\nunregister: 0\n"},
    {.name = "who is cancelled keeps nothing",
     .run = who_is_cancelled_keeps_nothing,
     .expected = "register: 0\nsubmit: 2\nsubmit: 2\n3: 0\n4: 0\n1: ECANCELED\n2: ECANCELED\nhead: 0\n"
                 "unregister: 0\n"},
    {.name = "the end of a stream",
     .run = the_end_of_a_stream,
     .expected = "register: 0\nsubmit: 1\n1: 0 flags 1\nhead: 1\nsubmit: 1\n2: 0\nhead: 1\nunregister: 0\n"},
    {.name = "what is refused",
     .run = what_is_refused,
     .expected = "register: 0\nsubmit: 1\n1: EBADF\nhead: 0\nsubmit: 1\n2: ENOTSOCK\nhead: 0\nsubmit: 1\n"
                 "3: EINVAL\nhead: 0\nsubmit: 1\n4: EAGAIN\nhead: 0\nunregister: 0\n"},
    {.name = "a file takes its buffer at once",
     .run = a_file_takes_its_buffer_at_once,
     .expected = "register: 0\nsubmit: 1\n1: 4 flags 1\nhead: 1\nsubmit: 1\n2: 0 flags 65537\nhead: 2\n"
                 "submit: 1\n3: EINVAL flags 131073\nhead: 3\ndata: abcd....\nunregister: 0\n"},
    {.name = "a bad address",
     .run = a_bad_address,
     .expected = "register: 0\nwritten: 2\nwritten: 2\nsubmit: 1\n1: EFAULT\nhead: 0\nsubmit: 1\n"
                 "2: EFAULT\nhead: 0\nsubmit: 1\n3: ENOBUFS\nhead: 0\nunregister: 0\n"},
    {.name = "lengths",
     .run = lengths,
     .expected = "register: 0\nwritten: 16\nsubmit: 5\n1: 4 flags 1\n2: 3 flags 65537\n3: 4 flags 131073\n"
                 "4: 0\n5: 0\ndata: abcdefg.hijk........\nhead: 3\nunregister: 0\n"},
    {.name = "ids are the programs",
     .run = ids_are_the_programs,
     .expected = "register: 0\nwritten: 2\nsubmit: 2\n1: 1 flags 4294901761\n2: 1 flags 196609\n"
                 "unregister: 0\n"},
    {.name = "messages and vectors",
     .run = messages_and_vectors,
     .expected = "register: 0\nwritten: 7\nsubmit: 1\n1: 3 flags 1\nsubmit: 1\n2: 3 flags 65537\n"
                 "data: abc.def.\nname: 0\nunregister: 0\n"},
    {.name = "sends choose too",
     .run = sends_choose_too,
     .expected = "register: 0\nsubmit: 1\n1: 4 flags 1\nhead: 1\nsubmit: 1\n2: 1 flags 65537\nhead: 2\n"
                 "submit: 1\n3: 4 flags 131073\nhead: 3\nsubmit: 1\n4: EPIPE flags 196609\nhead: 4\n"
                 "unregister: 0\n"},
    {.name = "a ring feeds one that goes on",
     .run = a_ring_feeds_one_that_goes_on,
     .expected = "register: 0\nwritten: 8\nsubmit: 1\n1: 4 flags 3\n1: 4 flags 65539\nhead: 2\n"
                 "written: 2\n1: 2 flags 327683\nhead: 3\nwritten: 2\n1: ENOBUFS\nhead: 3\nunregister: 0\n"},
    {.name = "bit by bit for one that goes on",
     .run = bit_by_bit_for_one_that_goes_on,
     .expected = "register: 0\nsubmit: 1\nwritten: 2\n1: 2 flags 19\nhead: 0\nwritten: 2\n1: 2 flags 3\n"
                 "head: 1\nwritten: 2\n1: 2 flags 65555\nhead: 1\nwritten: 5\n1: 2 flags 65539\n"
                 "1: ENOBUFS\ndata: abababcd\nhead: 2\nunregister: 0\n"},
    {.name = "bit by bit waits for all",
     .run = bit_by_bit_waits_for_all,
     .expected = "register: 0\nwritten: 1\nsubmit: 1\nnothing\nwritten: 3\n1: 3 flags 1\nhead: 0\n"
                 "submit: 1\n2: 1 flags 17\ndata: adc.....\nhead: 0\nunregister: 0\n"},
    {.name = "a ring taken away ends one that goes on",
     .run = a_ring_taken_away_ends_one_that_goes_on,
     .expected = "register: 0\nsubmit: 1\nwritten: 2\n1: 2 flags 3\nunregister: 0\nnothing\nwritten: 2\n"
                 "1: ENOBUFS\n"},
    {.name = "an entry changed while one waits",
     .run = an_entry_changed_while_one_waits,
     .expected = "register: 0\nsubmit: 1\nwritten: 2\n1: 2 flags 589825\ndata: ........ab..\n"
                 "unregister: 0\n"},
    {.name = "a ring of one",
     .run = a_ring_of_one,
     .expected = "register: 0\nwritten: 1\nsubmit: 1\n0: 1 flags 1\nwritten: 1\nsubmit: 1\n"
                 "1: 1 flags 65537\nwritten: 1\nsubmit: 1\n2: 1 flags 131073\nunregister: 0\n"},
    {.name = "unregistered while one waits",
     .run = unregistered_while_one_waits,
     .expected = "register: 0\nsubmit: 2\nunregister: 0\nwritten: 2\n1: ENOBUFS\nwritten: 2\n2: ENOBUFS\n"},
    {.name = "the kernels memory",
     .run = the_kernels_memory,
     .expected = "register: 0\nanother group: ENOMEM\nmap: 0\nwritten: 7\nsubmit: 2\n1: 4 flags 65537\n"
                 "2: 3 flags 1\ndata: efg.abcd\nunregister: 0\n"},
    {.name = "a programs ring is not mapped",
     .run = a_programs_ring_is_not_mapped,
     .expected = "register: 0\nmap: ENOMEM\nunregister: 0\n"},
    {.name = "bit by bit",
     .run = bit_by_bit,
     .expected = "register: 0\nwritten: 7\nsubmit: 4\n1: 1 flags 17\n2: 2 flags 17\n3: 1 flags 1\n"
                 "4: 3 flags 65553\ndata: abcdefg.\nhead: 1\nleft: 1\nunregister: 0\n"},
    {.name = "bit by bit of a pipe",
     .run = bit_by_bit_of_a_pipe,
     .expected = "register: 0\nwritten: 7\nsubmit: 4\n1: 1 flags 17\n2: 2 flags 17\n3: 1 flags 1\n"
                 "4: 3 flags 65553\ndata: abcdefg.\nhead: 1\nunregister: 0\n"},
    {.name = "bit by bit of a file",
     .run = bit_by_bit_of_a_file,
     .expected = "register: 0\nsubmit: 1\n1: 1 flags 17\nsubmit: 1\n2: 1 flags 17\nhead: 0\nsubmit: 1\n"
                 "3: 0 flags 1\nhead: 1\nsubmit: 1\n4: 4 flags 65537\ndata: af..abcd\nhead: 2\n"
                 "unregister: 0\n"},
    {.name = "bit by bit at the end",
     .run = bit_by_bit_at_the_end,
     .expected = "register: 0\nsubmit: 1\n1: 0 flags 17\nhead: 0\nsubmit: 1\n2: 0\nhead: 0\n"
                 "unregister: 0\n"},
    {.name = "where a ring is",
     .run = where_a_ring_is,
     .expected = "none: ENOENT\nsubmit: 1\n1: 0\nnot a ring: EINVAL\ntwo: EINVAL\nreserved: EINVAL\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void buffer_rings_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void buffer_rings_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void buffer_rings_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(buffer_rings_on_io_uring),
    cmocka_unit_test(buffer_rings_on_the_engine),
    cmocka_unit_test(buffer_rings_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
