/*
 * Calls of the library in any order, on a kernel that does what it may, against an independent model: who owns each buffer
 * and each operation, by the answers alone. The first bytes are the kernel's tape, the rest the program.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "input.h"
#include "safer_ring.h"
#include "safer_ring/sim.h"

#define BUFFERS 4u
#define OPERATIONS 8u
#define BYTES 16u
#define STEPS 200

enum whose {
    NOBODYS,
    MINE,
    LENT,
    GIVEN_UP
};
enum stage {
    NO_OPERATION,
    HANDLE,
    DONE,
    DROPPED
};

struct buffer {
    struct sr_buffer *handle;
    struct sr_buffer *copy;
    enum whose whose;
};

struct operation {
    struct sr_op op;
    struct sr_completion done;
    uint64_t id;
    struct buffer *buffer;
    enum stage stage;
    uint8_t opcode;
};

static struct sr_sim *sim;
static struct sr_backend kernel;
static struct sr_ring *ring;
static struct buffer buffers[BUFFERS];
static struct operation operations[OPERATIONS];
static struct input input;
static int file;
static int pair[2];

static void ignore_panic(const struct sr_panic *panic, void *user)
{
    uint32_t *count = user;
    *count = panic->count;
}
static uint32_t panicked;

static uint32_t count_of(enum stage stage)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < OPERATIONS; i++)
        count += operations[i].stage == stage ? 1 : 0;
    return count;
}

/* Dropped ones end by themselves: between those that are certain and all. */
static void check_counts(void)
{
    uint32_t certain = count_of(HANDLE) + count_of(DONE);
    uint32_t in_flight = sr_ring_in_flight(ring);
    uint32_t orphans = sr_ring_orphan_count(ring);
    FUZZ_REQUIRE(in_flight >= certain && in_flight == certain + orphans);
    if (orphans == 0)
        for (uint32_t i = 0; i < OPERATIONS; i++)
            if (operations[i].stage == DROPPED) {
                if (operations[i].buffer != NULL)
                    operations[i].buffer->whose = NOBODYS;
                operations[i].stage = NO_OPERATION;
            }
}

static struct operation *any(enum stage stage)
{
    uint32_t first = next_below(&input, OPERATIONS);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        struct operation *operation = &operations[(first + i) % OPERATIONS];
        if (operation->stage == stage)
            return operation;
    }
    return NULL;
}

static struct buffer *any_buffer(void)
{
    struct buffer *buffer = &buffers[next_below(&input, BUFFERS)];
    if (buffer->whose != NOBODYS)
        return buffer;
    FUZZ_REQUIRE(sr_buffer_new(&buffer->handle, BYTES) == 0);
    buffer->copy = buffer->handle;
    buffer->whose = MINE;
    return buffer;
}

static struct sr_op_spec any_spec(void)
{
    struct sr_range range = sr_range(next_below(&input, 4), next_below(&input, BYTES + 2));
    struct sr_fd fd = sr_fd(next_below(&input, 2) == 0 ? file : pair[0]);
    switch (next_below(&input, 8)) {
    case 0: return sr_spec_nop();
    case 1: return sr_spec_read(fd, next_below(&input, 20), range);
    case 2: return sr_spec_write(fd, next_below(&input, 20), range);
    case 3: return sr_spec_recv(fd, range, 0);
    case 4: return sr_spec_send(fd, range, 0);
    case 5: return sr_spec_openat(sr_fd(AT_FDCWD), "/file", O_RDONLY, 0);
    case 6: return sr_spec_timeout(1000u * next_byte(&input));
    default: return sr_spec_fsync(fd, 0);
    }
}

static bool takes_buffer(uint8_t opcode)
{
    return opcode == IORING_OP_READ || opcode == IORING_OP_WRITE || opcode == IORING_OP_RECV ||
           opcode == IORING_OP_SEND;
}

static void start(void)
{
    struct operation *operation = any(NO_OPERATION);
    if (operation == NULL)
        return;
    struct sr_op_spec spec = any_spec();
    if (next_below(&input, 8) == 7)
        spec = sr_spec_within(spec, 5000);
    struct buffer *buffer = takes_buffer(spec.opcode) ? any_buffer() : NULL;
    struct sr_buffer *handle =
        buffer != NULL ? (buffer->whose == MINE ? buffer->handle : buffer->copy) : NULL;
    struct sr_buffer *before = handle;
    /* An orphan's header may be another buffer's by now. */
    if (buffer != NULL && buffer->whose == GIVEN_UP)
        return;
    int rc = buffer != NULL ? sr_op_start(ring, &spec, &handle, &operation->op)
                            : sr_op_start_plain(ring, &spec, &operation->op);
    if (rc != 0) {
        FUZZ_REQUIRE(handle == before);
        FUZZ_REQUIRE(rc == -EINVAL || rc == -E2BIG || rc == -EBUSY || rc == -EAGAIN ||
                     rc == SR_EBUFFER_IN_FLIGHT);
        FUZZ_REQUIRE(rc != SR_EBUFFER_IN_FLIGHT || (buffer != NULL && buffer->whose != MINE));
        return;
    }
    FUZZ_REQUIRE(buffer == NULL || buffer->whose == MINE);
    FUZZ_REQUIRE(handle == NULL);
    for (uint32_t i = 0; i < OPERATIONS; i++)
        FUZZ_REQUIRE(operations[i].stage == NO_OPERATION || operations[i].id != operation->op.id);
    operation->id = operation->op.id;
    operation->opcode = spec.opcode;
    operation->stage = HANDLE;
    operation->buffer = buffer;
    if (buffer != NULL) {
        buffer->handle = NULL;
        buffer->whose = LENT;
        FUZZ_REQUIRE(!sr_buffer_is_user_owned(buffer->copy));
    }
}

static void end(struct operation *operation)
{
    struct sr_buffer *back = NULL;
    struct sr_completion copy = operation->done;
    struct buffer *buffer = operation->buffer;
    if (next_below(&input, 8) == 7) {
        sr_finish(&operation->done);
        if (buffer != NULL)
            buffer->whose = NOBODYS;
    } else {
        int32_t result = sr_take(&operation->done, &back);
        FUZZ_REQUIRE((back != NULL) == (buffer != NULL));
        FUZZ_REQUIRE(buffer == NULL || (back == buffer->copy && result <= (int32_t)BYTES));
        if (buffer != NULL) {
            buffer->handle = back;
            buffer->whose = MINE;
        }
        if (operation->opcode == IORING_OP_OPENAT && result >= 0)
            FUZZ_REQUIRE(sr_sim_close(sim, result) == 0);
    }
    FUZZ_REQUIRE(sr_take(&copy, &back) == SR_ESTALE && back == NULL);
    operation->stage = NO_OPERATION;
}

static void look(bool waits)
{
    struct operation *operation = any(HANDLE);
    if (operation == NULL)
        return;
    int rc = waits
                 ? sr_op_await_timeout(ring, &operation->op, 100u << next_below(&input, 12), &operation->done)
                 : sr_op_peek(ring, &operation->op, &operation->done);
    if (rc == 0) {
        FUZZ_REQUIRE(operation->done.id == operation->id && operation->op.id == 0);
        FUZZ_REQUIRE(!operation->done.more && operation->done.opcode == operation->opcode);
        operation->stage = DONE;
        return;
    }
    FUZZ_REQUIRE(operation->op.id == operation->id);
    FUZZ_REQUIRE(rc == SR_EOPERATION_PENDING || rc == -ETIME || rc == SR_EQUEUE_FULL || rc == -EDEADLK ||
                 rc == -EAGAIN || rc == -EBUSY || rc == -EINTR);
}

static void drop(void)
{
    struct operation *operation = any(HANDLE);
    if (operation == NULL)
        return;
    sr_op_drop(ring, &operation->op);
    FUZZ_REQUIRE(operation->op.id == 0);
    operation->stage = DROPPED;
    if (operation->buffer != NULL)
        operation->buffer->whose = GIVEN_UP;
}

static void cancel(void)
{
    struct operation *operation = any(HANDLE);
    if (operation == NULL)
        return;
    int rc = sr_op_cancel(ring, &operation->op);
    FUZZ_REQUIRE(rc == 0 || rc == SR_EINVALID_STATE);
}

static void touch(void)
{
    struct buffer *buffer = &buffers[next_below(&input, BUFFERS)];
    struct sr_guard guard;
    struct sr_buffer *handle = buffer->whose == MINE ? buffer->handle : buffer->copy;
    if (buffer->whose == NOBODYS || buffer->whose == GIVEN_UP)
        return;
    int rc = sr_buffer_try_access(&handle, &guard);
    FUZZ_REQUIRE(rc == (buffer->whose == MINE ? 0 : SR_EBUFFER_IN_FLIGHT));
    if (rc != 0)
        return;
    FUZZ_REQUIRE(sr_guard_size(&guard) == BYTES);
    memset(sr_guard_bytes(&guard), next_byte(&input), BYTES);
    sr_guard_end(&guard, &handle);
    FUZZ_REQUIRE(handle == buffer->copy);
}

static void release(void)
{
    struct buffer *buffer = &buffers[next_below(&input, BUFFERS)];
    struct sr_buffer *handle = buffer->copy;
    if (buffer->whose == NOBODYS || buffer->whose == GIVEN_UP)
        return;
    int rc = sr_buffer_release(&handle);
    FUZZ_REQUIRE(rc == (buffer->whose == MINE ? 0 : SR_EBUFFER_IN_FLIGHT));
    if (rc == 0)
        buffer->whose = NOBODYS;
}

static void ask_stale(void)
{
    struct operation *operation = any(NO_OPERATION);
    struct sr_completion done;
    struct sr_op stale = {operation != NULL ? operation->id : 0};
    if (operation == NULL)
        return;
    FUZZ_REQUIRE(sr_op_peek(ring, &stale, &done) == SR_ESTALE);
    FUZZ_REQUIRE(sr_op_cancel(ring, &stale) == SR_ESTALE);
}

static void move_world(void)
{
    uint8_t bytes[8] = {0};
    size_t moved;
    switch (next_below(&input, 3)) {
    case 0: (void)!sr_sim_write(sim, pair[1], bytes, 1 + next_below(&input, 8), &moved); break;
    case 1: (void)!sr_sim_read(sim, pair[1], bytes, sizeof bytes, &moved); break;
    default: sr_sim_advance_ns(sim, 1000u * next_byte(&input)); break;
    }
}

static void step(void)
{
    int rc = 0;
    switch (next_below(&input, 16)) {
    case 0:
    case 1:
    case 2:
    case 3: start(); break;
    case 4: rc = sr_ring_submit(ring); break;
    case 5:
    case 6: look(false); break;
    case 7: look(true); break;
    case 8: drop(); break;
    case 9: cancel(); break;
    case 10: touch(); break;
    case 11: release(); break;
    case 12: ask_stale(); break;
    case 13: move_world(); break;
    case 14: rc = sr_ring_dispatch(ring, NULL); break;
    default: {
        struct operation *operation = any(DONE);
        if (operation != NULL)
            end(operation);
    }
    }
    FUZZ_REQUIRE(rc == 0 || rc == -EAGAIN || rc == -EBUSY || rc == -EINTR || rc == -ETIME ||
                 rc == SR_EQUEUE_FULL);
    check_counts();
}

static bool begin(void)
{
    struct sr_sim_options options = sr_sim_options_default();
    uint8_t tape[96];
    uint32_t size = next_below(&input, sizeof tape);
    for (uint32_t i = 0; i < size; i++)
        tape[i] = next_byte(&input);
    options.tape = tape;
    options.tape_size = size;
    options.flags = SR_SIM_NO_TRACE;
    memset(buffers, 0, sizeof buffers);
    memset(operations, 0, sizeof operations);
    FUZZ_REQUIRE(sr_sim_reset(sim, &options) == 0);
    FUZZ_REQUIRE(sr_sim_file(sim, "/file", "0123456789abcdef", 16) == 0);
    FUZZ_REQUIRE(sr_sim_open(sim, "/file", O_RDWR, &file) == 0);
    FUZZ_REQUIRE(sr_sim_socketpair(sim, pair) == 0);
    struct sr_config config = sr_config_default();
    config.backend = &kernel;
    config.entries = 1u << next_below(&input, 4);
    config.completion_entries = config.entries * 2;
    config.post_entries = 1;
    config.argument_bytes = 64;
    config.defer_taskrun = next_below(&input, 2) == 0;
    config.cancel_on_drop = next_below(&input, 2) == 0;
    int rc = sr_ring_open_config(&ring, &config);
    FUZZ_REQUIRE(rc == 0 || rc == -EPERM || rc == -ENOSYS || rc == -ENOMEM);
    return rc == 0;
}

/* Bad luck ends, and everything is given back. */
static void finish(void)
{
    sr_sim_calm(sim);
    for (uint32_t i = 0; i < OPERATIONS; i++)
        if (operations[i].stage == DONE)
            end(&operations[i]);
    panicked = 0;
    uint32_t in_flight = sr_ring_in_flight(ring);
    if (in_flight > 0) {
        FUZZ_REQUIRE(sr_ring_close(&ring) == SR_EOPERATIONS_IN_FLIGHT && panicked == in_flight);
        for (int i = 0; i < 4 && sr_ring_in_flight(ring) > 0; i++) {
            uint8_t bytes[64] = {0};
            size_t moved;
            uint32_t left;
            (void)!sr_ring_cancel_all(ring, UINT64_C(1000000000000), &left);
            (void)!sr_sim_write(sim, pair[1], bytes, sizeof bytes, &moved);
            (void)!sr_sim_read(sim, pair[1], bytes, sizeof bytes, &moved);
            (void)!sr_ring_drain(ring, UINT64_C(1000000000000), &left);
        }
    }
    FUZZ_REQUIRE(sr_ring_in_flight(ring) == 0);
    FUZZ_REQUIRE(sr_ring_close(&ring) == 0 && ring == NULL);
    for (uint32_t i = 0; i < BUFFERS; i++)
        if (buffers[i].whose == MINE)
            FUZZ_REQUIRE(sr_buffer_release(&buffers[i].handle) == 0);
    uint32_t left;
    sr_sim_open_descriptors(sim, NULL, &left);
    FUZZ_REQUIRE(left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sim == NULL) {
        FUZZ_REQUIRE(sr_sim_new(&sim, NULL) == 0);
        kernel = sr_sim_backend(sim);
        sr_set_panic_handler(ignore_panic, &panicked);
    }
    input = (struct input){data, size, 0};
    if (!begin())
        return 0;
    for (int i = 0; i < STEPS && input.at < input.size; i++)
        step();
    finish();
    return 0;
}
