/*
 * Batches of operations with dependencies between them, on a kernel that does what it may, against a model of the graph that
 * is a table of who reaches whom: cycles are refused, what depends on a failure never runs, everything comes back once.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "input.h"
#include "safer_ring.h"
#include "safer_ring/sim.h"

#define NODES 12u
#define BYTES 16u

struct node {
    struct sr_buffer *buffer; /* a copied pointer; NULL: it has none */
    uint8_t opcode;
    bool needs[NODES];   /* depends on, directly */
    bool reaches[NODES]; /* … at any distance */
};

static struct sr_sim *sim;
static struct sr_backend kernel;
static struct sr_ring *ring;
static struct sr_batch *batch;
static struct node nodes[NODES];
static uint32_t count;
static struct sr_batch_options how;
static struct input input;
static int file;

static void add(void)
{
    struct sr_range range = sr_range(0, 1 + next_below(&input, BYTES + 1));
    struct sr_op_spec spec;
    struct sr_buffer *buffer = NULL;
    uint32_t index = NODES;
    struct node *node = &nodes[count];
    switch (next_below(&input, 6)) {
    case 0: spec = sr_spec_read(sr_fd(file), next_below(&input, 20), range); break;
    case 1: spec = sr_spec_write(sr_fd(file), next_below(&input, 20), range); break;
    case 2: spec = sr_spec_openat(sr_fd(AT_FDCWD), "/file", O_RDONLY, 0); break;
    case 3: spec = sr_spec_timeout(1000u * next_byte(&input)); break;
    case 4: spec = sr_spec_fsync(sr_fd(file), 0); break;
    default: spec = sr_spec_nop(); break;
    }
    bool bytes = spec.opcode == IORING_OP_READ || spec.opcode == IORING_OP_WRITE;
    memset(node, 0, sizeof *node);
    if (bytes)
        FUZZ_REQUIRE(sr_buffer_new(&buffer, BYTES) == 0);
    node->buffer = buffer;
    node->opcode = spec.opcode;
    int rc = bytes ? sr_batch_add(batch, &spec, &buffer, &index) : sr_batch_add_plain(batch, &spec, &index);
    FUZZ_REQUIRE(rc == (bytes && range.length > BYTES ? -EINVAL : 0));
    if (rc == 0) {
        FUZZ_REQUIRE(index == count && buffer == NULL);
        node->reaches[count] = true;
        count++;
    } else {
        FUZZ_REQUIRE(sr_buffer_release(&buffer) == 0);
    }
    FUZZ_REQUIRE(sr_batch_count(batch) == count);
}

static void depend(void)
{
    /* One of those there are, or the one behind them. */
    uint32_t dependent = next_below(&input, count + 1);
    uint32_t dependency = next_below(&input, count + 1);
    int rc = sr_batch_add_dependency(batch, dependent, dependency);
    if (dependent >= count || dependency >= count) {
        FUZZ_REQUIRE(rc == -EINVAL);
        return;
    }
    FUZZ_REQUIRE(rc == (nodes[dependency].reaches[dependent] ? SR_ECYCLE : 0));
    if (rc != 0)
        return;
    nodes[dependent].needs[dependency] = true;
    for (uint32_t from = 0; from < count; from++)
        for (uint32_t to = 0; to < count; to++)
            if (nodes[from].reaches[dependent] && nodes[dependency].reaches[to])
                nodes[from].reaches[to] = true;
}

static void check_entry(struct sr_batch_result *result, uint32_t i, const struct sr_batch_entry entries[],
                        bool asked)
{
    const struct sr_batch_entry *entry = &entries[i];
    bool ready = true;
    for (uint32_t on = 0; on < count; on++)
        ready = ready && (!nodes[i].needs[on] || entries[on].outcome == SR_BATCH_SUCCEEDED);
    FUZZ_REQUIRE(entry->opcode == nodes[i].opcode);
    FUZZ_REQUIRE(ready || (entry->outcome == SR_BATCH_CANCELLED && entry->result == -ECANCELED));
    if (ready && !asked && !how.fail_fast)
        FUZZ_REQUIRE(entry->outcome != SR_BATCH_CANCELLED || entry->result == -ECANCELED);
    FUZZ_REQUIRE(entry->outcome != SR_BATCH_SUCCEEDED || entry->result >= 0 ||
                 entry->opcode == IORING_OP_TIMEOUT);
    FUZZ_REQUIRE(entry->has_buffer == (nodes[i].buffer != NULL));
    if (next_below(&input, 4) == 3)
        return; /* the result's end sends it home */
    struct sr_buffer *back = NULL;
    int32_t taken = sr_batch_result_take(result, i, &back);
    FUZZ_REQUIRE(taken == entry->result && back == nodes[i].buffer);
    FUZZ_REQUIRE(back == NULL || sr_buffer_is_user_owned(back));
    if (back != NULL)
        FUZZ_REQUIRE(sr_buffer_release(&back) == 0);
    if (entry->opcode == IORING_OP_OPENAT && taken >= 0)
        FUZZ_REQUIRE(sr_sim_close(sim, taken) == 0);
    FUZZ_REQUIRE(sr_batch_result_take(result, i, &back) == SR_ESTALE && back == NULL);
}

static void check(struct sr_batch_result *result, bool asked)
{
    struct sr_batch_entry entries[NODES];
    uint32_t outcomes[3] = {0, 0, 0};
    FUZZ_REQUIRE(result->count == count);
    for (uint32_t i = 0; i < count; i++) {
        FUZZ_REQUIRE(sr_batch_result_at(result, i, &entries[i]) == 0);
        FUZZ_REQUIRE((uint32_t)entries[i].outcome < 3);
        outcomes[entries[i].outcome]++;
    }
    FUZZ_REQUIRE(sr_batch_result_at(result, count, &entries[0]) == -EINVAL || count == 0);
    for (uint32_t i = 0; i < count; i++)
        FUZZ_REQUIRE(sr_batch_result_at(result, i, &entries[i]) == 0);
    FUZZ_REQUIRE(outcomes[SR_BATCH_SUCCEEDED] == result->succeeded &&
                 outcomes[SR_BATCH_FAILED] == result->failed);
    FUZZ_REQUIRE(outcomes[SR_BATCH_CANCELLED] == result->cancelled);
    for (uint32_t i = 0; i < count; i++)
        check_entry(result, i, entries, asked);
    sr_batch_result_fini(result);
}

static void run(void)
{
    struct sr_batch_future future = {0};
    struct sr_batch_result result;
    bool asked = false;
    int rc = sr_batch_submit_standalone(ring, &batch, &future);
    FUZZ_REQUIRE(rc == (count == 0 ? SR_EBATCH_EMPTY : 0) && (batch == NULL) == (rc == 0));
    if (rc != 0) {
        FUZZ_REQUIRE(sr_batch_free(&batch) == 0);
        return;
    }
    for (uint32_t looks = next_below(&input, 6); looks > 0; looks--) {
        rc = sr_batch_poll(&future, ring, &result);
        if (rc == 0) {
            check(&result, asked);
            return;
        }
        FUZZ_REQUIRE(rc == SR_EOPERATION_PENDING || rc == -EAGAIN || rc == -EBUSY || rc == -EINTR ||
                     rc == SR_EQUEUE_FULL);
        sr_sim_advance_ns(sim, 1000u * next_byte(&input));
    }
    uint32_t end = next_below(&input, 8);
    if (end == 7) {
        sr_batch_drop(ring, &future);
        FUZZ_REQUIRE(future.id == 0);
        return;
    }
    if (end == 6) {
        rc = sr_batch_cancel(ring, &future);
        FUZZ_REQUIRE(rc == 0 || rc == SR_EINVALID_STATE);
        asked = rc == 0;
    }
    if (end == 5)
        sr_sim_calm(sim);
    for (int tries = 0; (rc = sr_batch_await(&future, ring, &result)) != 0; tries++) {
        FUZZ_REQUIRE(rc == -EAGAIN || rc == -EBUSY || rc == -EINTR);
        if (tries == 3)
            sr_sim_calm(sim);
        FUZZ_REQUIRE(tries < 10);
    }
    check(&result, asked);
}

static bool begin(void)
{
    struct sr_sim_options options = sr_sim_options_default();
    uint8_t tape[64];
    uint32_t size = next_below(&input, sizeof tape);
    for (uint32_t i = 0; i < size; i++)
        tape[i] = next_byte(&input);
    options.tape = tape;
    options.tape_size = size;
    options.flags = SR_SIM_NO_TRACE;
    FUZZ_REQUIRE(sr_sim_reset(sim, &options) == 0);
    FUZZ_REQUIRE(sr_sim_file(sim, "/file", "0123456789abcdef", 16) == 0);
    FUZZ_REQUIRE(sr_sim_open(sim, "/file", O_RDWR, &file) == 0);
    count = 0;
    how = (struct sr_batch_options){.form = next_below(&input, 2) == 0 ? SR_BATCH_CHAINED : SR_BATCH_DEFERRED,
                                    .fail_fast = next_below(&input, 4) == 3};
    return sr_sim_ring_open(sim, &ring, 1u << next_below(&input, 5)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sim == NULL) {
        FUZZ_REQUIRE(sr_sim_new(&sim, NULL) == 0);
        kernel = sr_sim_backend(sim);
    }
    input = (struct input){data, size, 0};
    if (!begin())
        return 0;
    FUZZ_REQUIRE(sr_batch_new_with(&batch, &how) == 0);
    for (uint32_t steps = next_below(&input, 40); steps > 0; steps--) {
        if (count < NODES && next_below(&input, 2) == 0)
            add();
        else
            depend();
    }
    run();
    sr_sim_calm(sim);
    uint32_t left;
    FUZZ_REQUIRE(sr_ring_drain(ring, SR_FOREVER, &left) == 0 && left == 0);
    FUZZ_REQUIRE(sr_ring_close(&ring) == 0);
    sr_sim_open_descriptors(sim, NULL, &left);
    FUZZ_REQUIRE(left == 0);
    return 0;
}
